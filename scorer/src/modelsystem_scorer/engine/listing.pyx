# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Scored items as JSON, copied from the mapped bytes of ids and titles: no object for each."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy, strcspn

cdef bytes ID = b'{"item_id":"', TITLE = b'","title":', SCORE = b',"score":', END = b'},'


@cython.final
cdef class Text:
    """Strings (modelsystem_shared.numeric.model.Strings) in their mapped bytes."""

    cdef const uint8_t[::1] content
    cdef const int64_t[::1] ends

    def __init__(self, strings):
        """Read these strings; nothing is copied."""
        self.content, self.ends = strings.content, strings.ends

    cdef Py_ssize_t length(self, Py_ssize_t index) except -1:
        """Return the number of bytes of a string."""
        cdef int64_t first, end
        if not 0 <= index < self.ends.shape[0]:
            raise IndexError(f"string {index} is not in the model")
        first, end = self.ends[index - 1] if index else 0, self.ends[index]
        if not 0 <= first <= end <= self.content.shape[0]:
            raise IndexError(f"string {index} is not in the model")
        return end - first

    cdef char *copy(self, Py_ssize_t index, Py_ssize_t length, char *place) noexcept:
        """Copy a string, whose length is known; return NULL if JSON must escape a part of it."""
        cdef int64_t first = self.ends[index] - length
        cdef Py_ssize_t at
        cdef uint8_t byte
        for at in range(length):
            byte = self.content[first + at]
            if byte < 0x20 or byte == b'"' or byte == b"\\":
                return NULL
            place[at] = byte
        return place + length


cdef inline char *copy(bytes text, char *place) noexcept:
    memcpy(place, PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))
    return place + PyBytes_GET_SIZE(text)


@cython.final
cdef class Listing:
    """The items of a model, as version 1 of the API lists them."""

    cdef Text ids, titles

    def __init__(self, ids, titles):
        """List items by their `ids` and `titles`, both of them Strings."""
        self.ids, self.titles = Text(ids), Text(titles)

    def to_json(self, list items not None, bytes scores not None):
        """Return items and their scores as JSON: objects separated by commas.

        scores: a JSON array of numbers, one for each item.

        Returns None if a part of an id or of a title must be escaped. Raises ValueError if there
        is not one score for each item.
        """
        cdef bytes content = PyBytes_FromStringAndSize(NULL, self.size(items, scores))
        cdef char *start = PyBytes_AS_STRING(content)
        cdef char *place = start
        cdef const char *score = PyBytes_AS_STRING(scores) + 1  # behind the bracket
        cdef const char *end
        for item in items:
            end = score + strcspn(score, b",]")
            if end == score:
                raise ValueError(f"{len(items)} items have fewer scores")
            place = self.write(item, score, end - score, place)
            if place is NULL:
                return None
            score = end + (end[0] == b",")
        if items and score[0] != b"]":
            raise ValueError(f"{len(items)} items have more scores")
        return content[:place - start - 1] if items else b""

    cdef Py_ssize_t size(self, list items, bytes scores) except -1:
        """Return how many bytes the items take at most."""
        cdef Py_ssize_t size = PyBytes_GET_SIZE(scores)
        for item in items:
            size += self.ids.length(item) + self.titles.length(item)
        return size + len(items) * (len(ID) + len(TITLE) + 4 + len(SCORE) + len(END))

    cdef char *write(
        self, Py_ssize_t item, const char *score, Py_ssize_t length, char *place
    ) noexcept:
        """Write an item; return the place behind it, or NULL if a part must be escaped."""
        cdef Py_ssize_t title = self.titles.length(item)
        place = self.ids.copy(item, self.ids.length(item), copy(ID, place))
        if place is NULL:
            return NULL
        place = copy(TITLE, place)
        if title:
            place[0] = b'"'
            place = self.titles.copy(item, title, place + 1)
            if place is NULL:
                return NULL
            place[0] = b'"'
            place += 1
        else:
            place = copy(b"null", place)
        place = copy(SCORE, place)
        memcpy(place, score, length)
        return copy(END, place + length)
