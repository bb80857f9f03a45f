"""The ASGI application that gunicorn's workers call: the hot way first, else Flask."""

import asyncio
import logging
from collections.abc import Mapping
from http import HTTPStatus

from flask import Flask

from modelsystem_scorer import api
from modelsystem_scorer.observe import OTHER, request_id
from modelsystem_scorer.serve import body, wsgi
from modelsystem_scorer.serve.answer import Answer, Message, Receive, Send, send_answer
from modelsystem_scorer.serve.body import RefusedError
from modelsystem_scorer.serve.hot import HotWay

SEND_SECONDS = 30.0  # for a client to take its answer
AT_ONCE_BYTES = 1 << 16
log = logging.getLogger(__name__)


class Application:
    """Answers requests one by one; `calls` of them have begun and not ended."""

    def __init__(self, app: Flask) -> None:
        """Answer with the site that is attached to `app`."""
        self._app = app
        self.site = api.site_of(app)
        self._hot = HotWay(self.site)
        self.calls = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":  # a WebSocket: gunicorn refuses it when nothing accepts it
            return
        self.calls += 1
        try:
            headers = dict(scope["headers"])
            content = await body.read(headers, receive)
            answer = self._answer_to(scope, headers, content)
            if len(answer.content) < AT_ONCE_BYTES:  # fits into the buffers of the connection
                await send_answer(send, answer)
            else:
                await _send_within_time(send, answer)
            if answer.closes:
                raise _close()
        except RefusedError as error:
            await send_answer(send, self._refusal(error.status, error.reason))
            await body.drop_rest(receive)
            raise _close() from None
        finally:
            self.calls -= 1

    def _answer_to(self, scope: Message, headers: Mapping[bytes, bytes], content: bytes) -> Answer:
        """Return the answer to a whole request."""
        try:
            answer = self._hot.answer(scope, headers, content) or wsgi.call(
                self._app, scope, content
            )
        except Exception:  # not from a view: Flask has caught that
            log.exception("A request could not be answered")
            answer = self._refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "unexpected error")
        return answer._replace(closes=True) if self.site.draining else answer

    def _refusal(self, status: HTTPStatus, reason: str) -> Answer:
        """Return an error in the form of all others, and record it."""
        brought = request_id()
        details = api.problem_details(
            status, f"body: {reason}", [{"field": "body", "message": reason}]
        )
        content = api.to_bytes(details)
        self.site.observer.record(OTHER, OTHER, status.value, 0.0, brought)
        headers = {
            "Content-Type": api.PROBLEM_JSON,
            "Content-Length": str(len(content)),
            "X-Request-Id": brought,
            "Cache-Control": api.NEVER,
            **self.site.served.headers,
        }
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        return Answer(status, encoded, content, closes=True)


async def _send_within_time(send: Send, answer: Answer) -> None:
    """Send an answer, or give up with a client that does not take it."""
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await send_answer(send, answer)
    except TimeoutError:
        raise _close() from None


def _close() -> asyncio.CancelledError:
    """Return what ends a connection: gunicorn closes that of a cancelled call, and logs nothing."""
    return asyncio.CancelledError()
