"""gunicorn's threaded worker, with our answer to what it cannot read as HTTP."""

import contextlib
import signal
import socket
from http import HTTPStatus
from typing import Any

from gunicorn import util  # type: ignore[import-untyped]  # ships no types
from gunicorn.http import errors  # type: ignore[import-untyped]  # ships no types
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]  # ships no types

from modelsystem_scorer import problems

_STATUS = {
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
}


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """Answers requests; ends when its master says so."""

    def init_signals(self) -> None:
        """Ignore Ctrl-C, which a terminal sends to all: the master ends its workers in order."""
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer what is no request in the form of all other errors; gunicorn's is HTML."""
        if not isinstance(exc, errors.ParseException):
            super().handle_error(req, client, addr, exc)
            return
        self.log.info("Refused what is no request, from %s: %s", addr[0], exc)
        status = _STATUS.get(type(exc), HTTPStatus.BAD_REQUEST)
        content = problems.document(status, "this is not a request that can be read")
        with contextlib.suppress(OSError):  # the client has gone
            util.write(client, self._head(status, len(content)) + content)

    def _head(self, status: HTTPStatus, length: int) -> bytes:
        headers = {
            "Connection": "close",
            "Content-Type": problems.MEDIA_TYPE,
            "Content-Length": str(length),
            **self.wsgi.extensions["served"].headers,
        }
        lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
