"""An answer on its way to the client, as ASGI takes it."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple

Message = dict[str, Any]  # ASGI's messages and scopes hold values of many types
Receive = Callable[[], Coroutine[object, None, Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class Answer(NamedTuple):
    """A whole answer; `closes`: the connection ends with it."""

    status: int
    headers: Headers
    content: bytes
    closes: bool = False


async def send_answer(send: Send, answer: Answer) -> None:
    """Send an answer, or as much of it as the client takes before it is gone."""
    headers = [*answer.headers, (b"Connection", b"close")] if answer.closes else answer.headers
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content})
