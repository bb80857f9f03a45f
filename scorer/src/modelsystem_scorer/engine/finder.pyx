# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Binary search for an id among millions of sorted ones, in their mapped bytes."""

cimport cython
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp


@cython.final
cdef class Finder:
    """The ids of a model: strings (modelsystem_shared.numeric.model.Strings) in byte order."""

    cdef const uint8_t[::1] content
    cdef const int64_t[::1] ends

    def __init__(self, strings):
        """Search in these strings; nothing is copied."""
        self.content, self.ends = strings.content, strings.ends

    def find(self, str value not None):
        """Return the index of `value`, or None."""
        cdef bytes wanted = value.encode("utf-8", "surrogatepass")  # JSON can carry half a character
        cdef const char *place = wanted
        cdef Py_ssize_t low = 0, high = self.ends.shape[0], middle, length = len(wanted)
        cdef int order
        while low < high:
            middle = (low + high) // 2
            order = self.compare(middle, place, length)
            if order == 0:
                return middle
            if order < 0:
                low = middle + 1
            else:
                high = middle
        return None

    cdef int compare(self, Py_ssize_t index, const char *wanted, Py_ssize_t length) except? -2:
        """Return a number below 0 if the string at `index` comes before `wanted`, 0 if it is it."""
        cdef int64_t first = self.ends[index - 1] if index else 0, end = self.ends[index]
        cdef Py_ssize_t common
        cdef int order = 0
        if not 0 <= first <= end <= self.content.shape[0]:
            raise IndexError(f"string {index} is not in the model")
        common = min(end - first, length)
        if common:
            order = memcmp(&self.content[first], wanted, common)
        if order == 0:
            order = (end - first > length) - (end - first < length)
        return (order > 0) - (order < 0)
