"""One client's bytes until they make a whole request; gunicorn's parser does the reading.

Nobody waits here: bytes are handed in as they come, and the parser is asked only for what is
there already.
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

from modelsystem_scorer.api.messages import MOST_BODY_BYTES, Fault

MOST_HEAD_BYTES = 1 << 16
_MOST_CHUNKED_BYTES = 2 * MOST_BODY_BYTES  # the body, and what cuts it into chunks
_HEAD_END = b"\r\n\r\n"
_MOST_CHUNK_LINE = 1000
_STATUS = {
    ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
}


class RefusedError(Exception):
    """What a client sends is no request that can be answered."""

    def __init__(self, status: HTTPStatus, reason: str, field: str | None = None) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.status = status
        self.faults: list[Fault] = [{"field": field, "message": reason}] if field else []


class _Received(Unreader):  # type: ignore[misc]  # gunicorn ships no types
    """What has come in and was not read yet."""

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Say that there is no more, for now."""
        return b""

    def add(self, data: bytes) -> None:
        """Append what has just come in."""
        self.buf.seek(0, 2)
        self.buf.write(data)

    def __len__(self) -> int:
        return len(self.buf.getbuffer())


class Incoming:
    """Requests of one connection, one after another."""

    def __init__(self, config: Any, address: Any) -> None:
        """Read as gunicorn's `config` says."""
        self._received = _Received()
        self._parser = RequestParser(config, (), address)
        self._parser.unreader = self._received
        self._request: Any = None
        self._answered: Any = None
        self._was_invited = False
        self._scanned = 0

    def __bool__(self) -> bool:
        """Whether part of a request is there."""
        return self._request is not None or len(self._received) > 0

    def wants_invitation(self) -> bool:
        """Whether the client waits to be told to send its body; said once for each request."""
        if self._request is None or self._was_invited:
            return False
        self._was_invited = True
        return any(n == "EXPECT" for n, _ in self._request.headers)  # the parser knows but one

    def add(self, data: bytes) -> None:
        """Take what has just come in."""
        self._received.add(data)

    def next(self) -> Any:
        """Return the next request of gunicorn's when it is whole, or None.

        Raises:
            RefusedError: it never will be one.

        """
        try:
            if self._request is None and not self._read_head():
                return None
            if not self._has_body():
                return None
        except ParseException as error:
            status = _STATUS.get(type(error), HTTPStatus.BAD_REQUEST)
            raise RefusedError(status, "this is not a request that can be read") from error
        self._answered, self._request = self._request, None
        return self._answered

    def _read_head(self) -> bool:
        self._drop_rest()
        content = self._received.buf.getvalue()
        if _HEAD_END not in content:
            if len(content) > MOST_HEAD_BYTES:
                raise RefusedError(
                    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too long"
                )
            return False
        self._request = next(self._parser)
        self._scanned = 0
        self._was_invited = False
        return True

    def _drop_rest(self) -> None:
        """Throw away what nobody read of the last body: an empty line in it ends no head."""
        while self._answered is not None and self._answered.body.read(8192):
            pass
        self._answered = None

    def _has_body(self) -> bool:
        reader = self._request.body.reader
        if isinstance(reader, ChunkedReader):
            return self._has_chunks()
        if reader.length > MOST_BODY_BYTES:
            raise _too_long()
        return len(self._received) >= int(reader.length)

    def _has_chunks(self) -> bool:
        """Go from chunk to chunk, without reading them; the parser will judge what is odd."""
        content = self._received.buf.getvalue()
        if len(content) > _MOST_CHUNKED_BYTES:
            raise _too_long()
        while (end := content.find(b"\r\n", self._scanned, self._scanned + _MOST_CHUNK_LINE)) >= 0:
            try:
                size = int(content[self._scanned : end].partition(b";")[0], 16)
            except ValueError:
                return True
            if size <= 0:
                return _is_trailer_whole(content, end)
            if end + 2 + size > len(content):
                return False
            self._scanned = end + 2 + size + 2
        return len(content) - self._scanned >= _MOST_CHUNK_LINE


def _is_trailer_whole(content: bytes, end: int) -> bool:
    """Whether the empty line has come that ends what may follow the last chunk."""
    return content.startswith(b"\r\n", end + 2) or content.find(_HEAD_END, end) >= 0


def _too_long() -> RefusedError:
    message = f"is over {MOST_BODY_BYTES:,} bytes"
    return RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, "body")
