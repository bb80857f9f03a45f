# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""A sparse accumulator: adds up a few rows of a sparse matrix, and finds the highest sums.

All sums are in one array that is zero between two calls: a call reads and clears only what it has
touched. Every index is checked before it is used, those of the matrix too, so that a damaged file
costs an IndexError and no more. No call releases Python's lock, so one array serves all threads:
between the first sum and the last zero nothing may run Python. That is why arguments are lists,
and why lists of results are made before or after. See docs/adr/0012.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

import numpy as np


cdef struct Row:
    const void *indices
    const float *values
    Py_ssize_t length


cdef inline Py_ssize_t index_at(const void *indices, int width, Py_ssize_t place) noexcept:
    if width == 1:
        return (<const uint8_t *> indices)[place]
    if width == 2:
        return (<const uint16_t *> indices)[place]
    return (<const uint32_t *> indices)[place]


cdef class Accumulator:
    """The rows of a square matrix of similarities, and sums of them.

    Arguments of its methods: `items` are rows; `weights` (float32, None for ones) has the weight
    of each. An item's score is the sum, in float32 and in the order of `items`, of its values in
    these rows, each times the row's weight.

    Its methods raise IndexError if an item is not in the matrix, and ValueError if there is not
    one weight for each item.
    """

    cdef const int64_t[::1] ends
    cdef const uint8_t[::1] indices  # as bytes
    cdef int width  # of an index, in bytes
    cdef const float[::1] values
    cdef float[::1] total
    cdef uint64_t[::1] heap  # keys of the best, the least of them first

    def __init__(self, rows, values):
        """Take the matrix's `rows` (modelsystem_shared.numeric.model.Rows) and `values` (float32)."""
        if rows.indices.dtype not in (np.uint8, np.uint16, np.uint32):
            raise ValueError(f"indices are {rows.indices.dtype}, not uint8, uint16 or uint32")
        if len(rows.indices) != len(values):
            raise ValueError(f"{len(rows.indices)} indices have {len(values)} values")
        self.ends, self.indices, self.values = rows.ends, rows.indices.view(np.uint8), values
        self.width = rows.indices.itemsize
        self.total = np.zeros(len(rows), np.float32)
        self.heap = np.zeros(len(rows), np.uint64)

    def best(
        self,
        list items not None,
        const float[::1] weights,
        Py_ssize_t k,
        list excluded not None,
        list candidates,
    ):
        """Return the `k` items with the highest positive scores, best first, and their scores.

        Without those that are `excluded`, and only `candidates`, unless that is None. Equal
        scores are ranked by index.
        """
        cdef Py_ssize_t index, size = max(0, min(k, self.heap.shape[0]))
        cdef list best = [], scores = []
        self.heap[:size] = 0
        try:
            self.add(items, weights)
            for item in excluded:
                self.total[self.checked(item)] = 0
            if candidates is None:
                self.clear(items, size)
            else:
                for item in candidates:
                    index = self.checked(item)
                    self.offer(index, self.total[index], size)
                self.clear(items, 0)
        except:
            self.total[:] = 0
            raise
        self.rank(size, best, scores)
        return best, scores

    def scores(self, list items not None, const float[::1] weights, list targets not None):
        """Return the score of each of `targets`."""
        cdef list scores = []
        try:
            self.add(items, weights)
            for item in targets:
                scores.append(self.total[self.checked(item)])
            self.clear(items, 0)
        except:
            self.total[:] = 0
            raise
        return scores

    cdef int add(self, list items, const float[::1] weights) except -1:
        """Add the rows of `items` up."""
        cdef Py_ssize_t place, at, index
        cdef float weight = 1
        cdef Row row
        cdef float *total = &self.total[0]
        if weights is not None and weights.shape[0] != len(items):
            raise ValueError(f"{len(items)} items have {weights.shape[0]} weights")
        for place, item in enumerate(items):
            if weights is not None:
                weight = weights[place]
            row = self.row(item)
            for at in range(row.length):
                index = self.checked(index_at(row.indices, self.width, at))
                total[index] += row.values[at] * weight
        return 0

    cdef int clear(self, list items, Py_ssize_t size) except -1:
        """Clear the sums that the rows of `items` have touched; offer each to the best `size`."""
        cdef Py_ssize_t at, index
        cdef Row row
        cdef float *total = &self.total[0]
        for item in items:
            row = self.row(item)
            for at in range(row.length):
                index = self.checked(index_at(row.indices, self.width, at))
                self.offer(index, total[index], size)
                total[index] = 0
        return 0

    cdef inline Py_ssize_t checked(self, Py_ssize_t item) except -1:
        if not 0 <= item < self.total.shape[0]:
            raise IndexError(f"item {item} is not in the matrix")
        return item

    cdef Row row(self, Py_ssize_t item) except *:
        cdef Row row
        cdef Py_ssize_t first, end
        self.checked(item)
        first = self.ends[item - 1] if item else 0
        end = self.ends[item]
        if not 0 <= first <= end <= self.values.shape[0]:
            raise IndexError(f"the row of item {item} is not in the matrix")
        row.indices = &self.indices[first * self.width]
        row.values = &self.values[first]
        row.length = end - first
        return row

    cdef inline void offer(self, Py_ssize_t item, float score, Py_ssize_t size) noexcept:
        """Replace the least of the best `size` by an item if its score is higher."""
        cdef uint64_t key
        if score > 0 and size:
            key = key_of(item, score)
            if key > self.heap[0]:
                sift(&self.heap[0], size, key)

    cdef int rank(self, Py_ssize_t size, list items, list scores) except -1:
        """Append the best `size` and their scores, best first."""
        cdef uint64_t least
        cdef Py_ssize_t last, place
        for last in range(size - 1, 0, -1):  # move the least of the heap to its end
            least = self.heap[0]
            sift(&self.heap[0], last, self.heap[last])
            self.heap[last] = least
        for place in range(size):
            if not self.heap[place]:  # fewer items have a score
                break
            items.append(item_of(self.heap[place]))
            scores.append(score_of(self.heap[place]))
        return 0


# Keys are ordered by score, and for equal scores by descending item: the bits of positive floats
# are in the order of their values.
cdef inline uint64_t key_of(Py_ssize_t item, float score) noexcept:
    cdef uint32_t bits = 0
    memcpy(&bits, &score, sizeof(bits))
    return <uint64_t> bits << 32 | <uint32_t> ~item


cdef inline Py_ssize_t item_of(uint64_t key) noexcept:
    return <uint32_t> ~key


cdef inline float score_of(uint64_t key) noexcept:
    cdef uint32_t bits = key >> 32
    cdef float score = 0
    memcpy(&score, &bits, sizeof(score))
    return score


cdef void sift(uint64_t *heap, Py_ssize_t size, uint64_t key) noexcept:
    """Replace the heap's least key, and order the heap again."""
    cdef Py_ssize_t place = 0, child = 1
    while child < size:
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if key <= heap[child]:
            break
        heap[place] = heap[child]
        place, child = child, 2 * child + 1
    heap[place] = key
