"""The body of a request: bounded in bytes and in time."""

import asyncio
import contextlib
import types
from collections.abc import Awaitable, Coroutine, Generator, Mapping
from functools import partial
from http import HTTPStatus

from modelsystem_scorer.api import MAX_BODY_BYTES
from modelsystem_scorer.serve.answer import Message, Receive

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
    call = receive()
    try:
        future = call.send(None)
    except StopIteration as end:  # a part is there, nearly always the whole: that needs no clock
        part, is_complete = _part(end.value)
        return part if is_complete else await _read_on(receive, receive(), part)
    return await _read_on(receive, _resumed(call, future))


async def _read_on(receive: Receive, message: Awaitable[Message], body: bytes = b"") -> bytes:
    """Return the whole body, which begins with `body` and the content of `message`."""
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            part, is_complete = _part(await message, body)
            while not is_complete:
                part, is_complete = _part(await receive(), part)
            return part
    except TimeoutError as error:
        reason = f"did not arrive within {REQUEST_SECONDS:g} seconds"
        raise RefusedError(HTTPStatus.REQUEST_TIMEOUT, reason) from error


@types.coroutine
def _resumed(
    call: Coroutine[object, None, Message], future: object
) -> Generator[object, None, Message]:
    """Go on with a call that has begun, and waits for `future`."""
    while True:
        try:
            yield future
        except BaseException as error:  # whatever it is, it is for the call
            step = partial(call.throw, error)
        else:
            step = partial(call.send, None)
        try:
            future = step()
        except StopIteration as end:
            message: Message = end.value
            return message


def _part(message: Message, before: bytes = b"") -> tuple[bytes, bool]:
    """Return the body until now, and whether it is complete."""
    if message["type"] == "http.disconnect":
        raise RefusedError(HTTPStatus.BAD_REQUEST, "ends too early")
    body = before + message["body"]
    if len(body) > MAX_BODY_BYTES:
        raise _too_large()
    return body, not message["more_body"]


async def drop_rest(receive: Receive) -> None:
    """Read on for a moment: a client that still sends would lose its answer to a reset."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            size, is_complete = 0, False
            while not is_complete and size <= LINGER_BYTES:
                message = await receive()
                size += len(message.get("body", b""))
                is_complete = not message.get("more_body", False)


def _too_large() -> RefusedError:
    reason = f"larger than {MAX_BODY_BYTES:,} bytes"
    return RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason)
