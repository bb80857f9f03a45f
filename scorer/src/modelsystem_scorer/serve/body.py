"""The body of a request: bounded in bytes and in time."""

import asyncio
import contextlib
from collections.abc import Mapping
from http import HTTPStatus

from modelsystem_scorer.api import MAX_BODY_BYTES
from modelsystem_scorer.serve.answer import Receive

REQUEST_SECONDS = 10.0  # from the end of a request's head to the end of its body
LINGER_SECONDS = 2.0  # for a refused client to stop sending and read its answer
LINGER_BYTES = 16 << 20  # that a refused client may still send


class RefusedError(Exception):
    """A body that is not accepted; the rest of it is not read."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(f"body: {reason}")
        self.status = status
        self.reason = reason


async def read(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    """Return the whole body.

    Raises:
        RefusedError: it is too large, late, cut short, or coded in another way than in chunks.

    """
    if headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
        raise RefusedError(HTTPStatus.NOT_IMPLEMENTED, "only chunks are supported")
    if int(headers.get(b"content-length", 0)) > MAX_BODY_BYTES:
        raise _too_large()  # before `100 Continue`
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            return await _read(receive)
    except TimeoutError as error:
        reason = f"did not arrive within {REQUEST_SECONDS:g} seconds"
        raise RefusedError(HTTPStatus.REQUEST_TIMEOUT, reason) from error


async def _read(receive: Receive) -> bytes:
    body, is_complete = await _next(receive)
    while not is_complete:
        part, is_complete = await _next(receive)
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise _too_large()
    return body


async def _next(receive: Receive) -> tuple[bytes, bool]:
    """Return the next part of the body, and whether it is the last."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise RefusedError(HTTPStatus.BAD_REQUEST, "ends too early")
    return message["body"], not message["more_body"]


async def drop_rest(receive: Receive) -> None:
    """Read on for a moment: a client that still sends would lose its answer to a reset."""
    with contextlib.suppress(TimeoutError, RefusedError):
        async with asyncio.timeout(LINGER_SECONDS):
            size, is_complete = 0, False
            while not is_complete and size <= LINGER_BYTES:
                part, is_complete = await _next(receive)
                size += len(part)


def _too_large() -> RefusedError:
    reason = f"larger than {MAX_BODY_BYTES:,} bytes"
    return RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason)
