"""One client's bytes until they are a complete request; gunicorn's parser reads them.

Nothing here blocks: bytes are added as they arrive, and the parser reads only those.
"""

from http import HTTPStatus
from typing import Any

from gunicorn.http.body import ChunkedReader  # type: ignore[import-untyped]  # ships no types
from gunicorn.http.errors import (  # type: ignore[import-untyped]  # ships no types
    ExpectationFailed,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.http.parser import RequestParser  # type: ignore[import-untyped]  # ships no types
from gunicorn.http.unreader import Unreader  # type: ignore[import-untyped]  # ships no types

from modelsystem_scorer.api import MAX_BODY_BYTES, Fault

GunicornObject = Any  # gunicorn ships no types: its settings, requests and responses
MAX_HEAD_BYTES = 1 << 16
_MAX_CHUNKED_BYTES = 2 * MAX_BODY_BYTES  # the body, and the framing of its chunks
_HEAD_END = b"\r\n\r\n"
_MAX_CHUNK_LINE = 1000
_STATUS = {
    ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
}
_REASONS = {
    HTTPStatus.REQUEST_URI_TOO_LONG: "request line too long",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "headers too large",
}


class RefusedError(Exception):
    """A client sends something that is not a request, or too much."""

    def __init__(self, status: HTTPStatus, reason: str, field: str | None = None) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.status = status
        self.faults: list[Fault] = [{"field": field, "message": reason}] if field else []


class _Received(Unreader):  # type: ignore[misc]  # gunicorn ships no types
    """The bytes that have arrived and are not parsed yet."""

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Return no more bytes: what has arrived is in the buffer."""
        return b""

    def add(self, data: bytes) -> None:
        """Append bytes that have just arrived."""
        self.buf.seek(0, 2)
        self.buf.write(data)

    def __len__(self) -> int:
        return len(self.buf.getbuffer())


class Incoming:
    """Requests of one connection, one after another."""

    def __init__(self, config: GunicornObject, address: object) -> None:
        """Parse within the limits of gunicorn's `config`."""
        self._received = _Received()
        self._parser = RequestParser(config, (), address)
        self._parser.unreader = self._received
        self._request: GunicornObject = None
        self._answered: GunicornObject = None
        self._was_continued = False
        self._scanned = 0

    def __bool__(self) -> bool:
        """Whether part of a request has arrived."""
        return self._request is not None or len(self._received) > 0

    def expects_continue(self) -> bool:
        """Whether the client waits for `100 Continue`; True only once for each request."""
        if self._request is None or self._was_continued:
            return False
        self._was_continued = True
        return any(name == "EXPECT" for name, _ in self._request.headers)  # no other value parses

    def add(self, data: bytes) -> None:
        """Add bytes that have just arrived."""
        self._received.add(data)

    def next(self) -> GunicornObject:
        """Return the next of gunicorn's requests if it is complete, else None.

        Raises:
            RefusedError: it is malformed or too large.

        """
        try:
            if self._request is None and not self._read_head():
                return None
            if not self._has_body():
                return None
        except ParseException as error:
            status = _STATUS.get(type(error), HTTPStatus.BAD_REQUEST)
            raise RefusedError(status, _REASONS.get(status, "malformed HTTP request")) from error
        self._answered, self._request = self._request, None
        return self._answered

    def _read_head(self) -> bool:
        self._drop_rest()
        content = self._received.buf.getvalue()
        if _HEAD_END not in content:
            if len(content) > MAX_HEAD_BYTES:
                raise RefusedError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "head too large")
            return False
        self._request = next(self._parser)
        self._scanned = 0
        self._was_continued = False
        return True

    def _drop_rest(self) -> None:
        """Drop what was not read of the last body: an empty line in it must not end a head."""
        while self._answered is not None and self._answered.body.read(8192):
            pass
        self._answered = None

    def _has_body(self) -> bool:
        reader = self._request.body.reader
        if isinstance(reader, ChunkedReader):
            return self._has_chunks()
        if reader.length > MAX_BODY_BYTES:
            raise _too_large()
        return len(self._received) >= int(reader.length)

    def _has_chunks(self) -> bool:
        """Step from chunk to chunk without reading them; the parser refuses malformed ones."""
        content = self._received.buf.getvalue()
        if len(content) > _MAX_CHUNKED_BYTES:
            raise _too_large()
        while (end := content.find(b"\r\n", self._scanned, self._scanned + _MAX_CHUNK_LINE)) >= 0:
            try:
                size = int(content[self._scanned : end].partition(b";")[0], 16)
            except ValueError:
                return True
            if size <= 0:
                return _is_trailer_complete(content, end)
            if end + 2 + size > len(content):
                return False
            self._scanned = end + 2 + size + 2
        return len(content) - self._scanned >= _MAX_CHUNK_LINE


def _is_trailer_complete(content: bytes, end: int) -> bool:
    """Whether the empty line that ends the trailer has arrived."""
    return content.startswith(b"\r\n", end + 2) or content.find(_HEAD_END, end) >= 0


def _too_large() -> RefusedError:
    message = f"larger than {MAX_BODY_BYTES:,} bytes"
    return RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, "body")
