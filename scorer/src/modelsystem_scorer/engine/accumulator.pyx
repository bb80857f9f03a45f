# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""A sparse accumulator: adds up a few rows of a sparse matrix, and finds the highest sums.

All sums are in one array that is zero between two calls: a call reads and clears only what it has
touched. Every index is checked before it is used, those of the matrix too, so that a damaged file
costs an IndexError and no more. No call releases Python's lock, so one array serves all threads:
between the first sum and the last zero nothing may run Python. That is why arguments are lists,
and why lists of results are made before or after. See docs/adr/0012.
"""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy
from cpython.mem cimport PyMem_Free, PyMem_Malloc

import numpy as np


cdef struct Row:
    const void *indices
    const float *values
    Py_ssize_t length


cdef extern from *:
    """
    /* In C for `restrict`: without it each sum waits for the one before it. There is no branch on
       a sum: which sums are new cannot be predicted. */
    #define DEFINE_ADD(NAME, INDEX) \
    static Py_ssize_t NAME(const INDEX *restrict indices, const float *restrict values, \
                           Py_ssize_t length, float weight, float *restrict total, \
                           Py_ssize_t items, uint32_t *restrict touched) { \
        Py_ssize_t at, count = 0; \
        for (at = 0; at < length; at++) { \
            INDEX index = indices[at]; \
            if (index >= (size_t) items) return -1; \
            float before = total[index]; \
            touched[count] = index; \
            count += before == 0; \
            total[index] = before + values[at] * weight; \
        } \
        return count; \
    }
    DEFINE_ADD(add_8, uint8_t)
    DEFINE_ADD(add_16, uint16_t)
    DEFINE_ADD(add_32, uint32_t)

    static void fetch_bytes(const char *place, Py_ssize_t length) {
        for (Py_ssize_t at = 0; at < length; at += 64) __builtin_prefetch(place + at);
    }
    """
    Py_ssize_t add_8(
        const void *, const float *, Py_ssize_t, float, float *, Py_ssize_t, uint32_t *
    ) noexcept
    Py_ssize_t add_16(
        const void *, const float *, Py_ssize_t, float, float *, Py_ssize_t, uint32_t *
    ) noexcept
    Py_ssize_t add_32(
        const void *, const float *, Py_ssize_t, float, float *, Py_ssize_t, uint32_t *
    ) noexcept
    void fetch_bytes(const void *, Py_ssize_t) noexcept

ctypedef Py_ssize_t (*Add)(
    const void *, const float *, Py_ssize_t, float, float *, Py_ssize_t, uint32_t *
) noexcept

cdef enum:
    AHEAD = 3  # rows that are fetched from memory before they are added


@cython.final
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
    cdef uint32_t[::1] touched
    cdef Py_ssize_t n_touched
    cdef Add add_indices
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
        self.touched = np.zeros(2 * len(rows) + 1, np.uint32)
        self.n_touched = 0
        self.add_indices = add_8 if self.width == 1 else add_16 if self.width == 2 else add_32

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
                self.clear(size)
            else:
                for item in candidates:
                    index = self.checked(item)
                    self.offer(index, self.total[index], size)
                self.clear(0)
        except:
            self.reset()
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
            self.clear(0)
        except:
            self.reset()
            raise
        return scores

    cdef int add(self, list items, const float[::1] weights) except -1:
        """Add the rows of `items` up."""
        cdef Py_ssize_t place, count = len(items)
        cdef Row *rows
        if weights is not None and weights.shape[0] != count:
            raise ValueError(f"{count} items have {weights.shape[0]} weights")
        rows = <Row *> PyMem_Malloc((count + 1) * sizeof(Row))
        if rows is NULL:
            raise MemoryError
        try:
            for place in range(count):
                rows[place] = self.row(items[place])
            for place in range(count):
                if place + AHEAD < count:
                    self.fetch(rows[place + AHEAD])
                self.add_row(rows[place], 1 if weights is None else weights[place])
        finally:
            PyMem_Free(rows)
        return 0

    cdef void fetch(self, Row row) noexcept:
        fetch_bytes(row.indices, row.length * self.width)
        fetch_bytes(row.values, row.length * sizeof(float))

    cdef int add_row(self, Row row, float weight) except -1:
        cdef Py_ssize_t items = self.total.shape[0], count
        if self.n_touched + row.length > self.touched.shape[0]:
            self.find_touched()
        count = self.add_indices(
            row.indices, row.values, row.length, weight,
            &self.total[0], items, &self.touched[self.n_touched],
        )
        if count < 0:
            raise IndexError("a row names an item that is not in the matrix")
        self.n_touched += count
        return 0

    cdef void clear(self, Py_ssize_t size) noexcept:
        """Clear the sums that were added up; offer each to the best `size`."""
        cdef Py_ssize_t place, index
        cdef float *total = &self.total[0]
        for place in range(self.n_touched):
            index = self.touched[place]
            self.offer(index, total[index], size)
            total[index] = 0
        self.n_touched = 0

    cdef void find_touched(self) noexcept:
        """List each touched item once: a sum that came back to 0 was listed again."""
        cdef Py_ssize_t item
        self.n_touched = 0
        for item in range(self.total.shape[0]):
            if self.total[item] != 0:
                self.touched[self.n_touched] = item
                self.n_touched += 1

    cdef void reset(self) noexcept:
        self.total[:] = 0
        self.n_touched = 0

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
        if not 0 <= first <= end <= min(self.values.shape[0], first + self.total.shape[0]):
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
