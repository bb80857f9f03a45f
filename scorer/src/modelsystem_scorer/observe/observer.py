"""An id, a line in the log and counts for each request.

A line has the route's template, and neither path nor body: both can contain user ids.
"""

import logging
import re
import secrets
import time
from collections.abc import Mapping

from flask import Flask, Response, g, request

from modelsystem_scorer.observe.counters import OTHER, Counters
from modelsystem_shared.logs import write

log = logging.getLogger(__name__)
_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


class Observer:
    """Counts and logs the requests to one build's site."""

    def __init__(
        self, counters: Counters, build: str, paths: Mapping[str, str], *, logs: bool
    ) -> None:
        """Log single requests only with `logs`.

        paths: the path's template for each of Flask's endpoints.
        """
        self.counters = counters
        self._build = build
        self._paths = paths
        self._logs = logs

    def observe(self, app: Flask) -> None:
        """Count and log every request to this app, and put its id into the response."""
        app.before_request(_begin)
        app.after_request(self._end)

    def _end(self, response: Response) -> Response:
        seconds = time.perf_counter() - g.began
        route = self._paths.get(request.endpoint or "", OTHER)
        response.headers["X-Request-Id"] = g.request_id
        self.record(request.method, route, response.status_code, seconds, g.request_id)
        return response

    def record(self, method: str, route: str, status: int, seconds: float, request_id: str) -> None:
        """Count and log one answered request."""
        self.counters.request(method, route, status, seconds)
        if self._logs:
            facts: dict[str, object] = {
                "request_id": request_id,
                "method": method,
                "route": route,
                "status": status,
                "milliseconds": round(seconds * 1000, 3),
                "build": self._build,
            }
            write(log, f"{method} {route} {status}", facts)


def request_id(brought: str = "") -> str:
    """Return the id that a request has brought if it is well-formed, else a new one."""
    return brought if _ID.fullmatch(brought) else secrets.token_hex(16)


def _begin() -> None:
    g.began = time.perf_counter()
    g.request_id = request_id(request.headers.get("X-Request-Id", ""))
