"""What is known of each request afterwards: an id, a line in the log, and counts.

Neither a body nor a path is ever logged, only the route's template: both may hold user ids.
"""

import logging
import re
import time
import uuid

from flask import Flask, Response, current_app, g, request

from modelsystem_scorer.observe.counters import OTHER, Counters

log = logging.getLogger(__name__)
_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


class Observer:
    """Counts and logs what was answered, for one build."""

    def __init__(self, counters: Counters, build: str, *, logs: bool) -> None:
        """Log nothing of single requests unless `logs`."""
        self.counters = counters
        self._build = build
        self._logs = logs

    def watch(self, app: Flask) -> None:
        """Observe every request of this app."""
        app.extensions["observer"] = self
        app.before_request(_begin)
        app.after_request(self._end)

    def _end(self, response: Response) -> Response:
        seconds = time.perf_counter() - g.began
        rule = request.url_rule
        route = OTHER if rule is None else current_app.extensions["paths"][rule.endpoint]
        response.headers["X-Request-Id"] = g.request_id
        self.record(request.method, route, response.status_code, seconds, g.request_id)
        return response

    def record(self, method: str, route: str, status: int, seconds: float, request_id: str) -> None:
        """Count and log one answered request."""
        self.counters.request(method, route, status, seconds)
        if self._logs:
            facts = {
                "request_id": request_id,
                "method": method,
                "route": route,
                "status": status,
                "milliseconds": round(seconds * 1000, 3),
                "build": self._build,
            }
            log.info("%s %s %d", method, route, status, extra=facts)


def observer() -> Observer:
    """Return the observer of this app."""
    found: Observer = current_app.extensions["observer"]
    return found


def new_id() -> str:
    """Return an id for a request that brings none."""
    return uuid.uuid4().hex


def _begin() -> None:
    g.began = time.perf_counter()
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _ID.fullmatch(given) else new_id()
