"""An id, a line in the log and counts for each request."""

import random
import re
import time
from collections.abc import Callable, Mapping

from flask import Flask, Response, g, request

from modelsystem_scorer.observe.access_log import AccessLog
from modelsystem_scorer.observe.counters import OTHER, Counters

_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


class Observer:
    """Counts and logs the requests to one build's site."""

    def __init__(
        self, counters: Counters, model: Mapping[str, str], paths: Mapping[str, str], *, logs: bool
    ) -> None:
        """Log single requests only with `logs`.

        model: what each line says of the model.
        paths: the path's template for each of Flask's endpoints.
        """
        self.counters = counters
        self._paths = paths
        self._access_log = AccessLog(model) if logs else None

    def log_together(self, later: Callable[[Callable[[], None]], object]) -> None:
        """Write lines when `later` calls the function that it gets, and at `flush`."""
        if self._access_log:
            self._access_log.write_together(later)

    def flush(self) -> None:
        """Write the lines that wait."""
        if self._access_log:
            self._access_log.flush()

    def observe(self, app: Flask) -> None:
        """Count and log every request to this app, and put its id into the response."""
        app.before_request(_begin)
        app.after_request(self._end)

    def _end(self, response: Response) -> Response:
        seconds = time.perf_counter() - g.began
        route = self._paths.get(request.endpoint or "", OTHER)
        response.headers["X-Request-Id"] = g.request_id
        parent = request.headers.get("traceparent", "")
        self.record(request.method, route, response.status_code, seconds, g.request_id, parent)
        return response

    def record(  # noqa: PLR0913, PLR0917  # each is a fact of the request
        self,
        method: str,
        route: str,
        status: int,
        seconds: float,
        request_id: str,
        traceparent: str = "",
    ) -> None:
        """Count and log one answered request; `traceparent`: as the request has brought it."""
        self.counters.request(method, route, status, seconds)
        if self._access_log:
            self._access_log.write((method, route, status), seconds, request_id, traceparent)


def request_id(brought: str = "") -> str:
    """Return the id that a request has brought if it is well-formed, else a new one."""
    if brought and _ID.fullmatch(brought):
        return brought
    return f"{random.getrandbits(128):032x}"  # an id is no secret


def _begin() -> None:
    g.began = time.perf_counter()
    g.request_id = request_id(request.headers.get("X-Request-Id", ""))
