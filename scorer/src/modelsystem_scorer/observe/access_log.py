"""The access log: a line for each request, thousands of times a second.

A line has the route's template, and neither path nor body: both can contain user ids.
"""

import logging
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from modelsystem_shared import logs
from modelsystem_shared.telemetry import trace

log = logging.getLogger(__name__)
_Kind = tuple[str, str, int]  # method, route, status


class _Answered(NamedTuple):
    """A request that has been answered at `time`, in seconds since 1970."""

    time: float
    kind: _Kind
    seconds: float
    request_id: str
    traceparent: str  # as the request has brought it


class AccessLog:
    """Writes a line for each answered request."""

    def __init__(self, model: Mapping[str, str]) -> None:
        """Say in each line what `model` says."""
        self._model = model
        self._constant = lru_cache(256)(self._encoded)  # methods are what clients send
        self._waiting: list[_Answered] = []
        self._later: Callable[[Callable[[], None]], object] | None = None

    def write_together(self, later: Callable[[Callable[[], None]], object]) -> None:
        """Let lines wait until `later` calls the function that it gets.

        Many lines then cost one system call, and a third of the time each, as caches are warm.
        """
        self._later = later

    def write(self, kind: _Kind, seconds: float, request_id: str, traceparent: str) -> None:
        """Write a line; `traceparent`: as the request has brought it."""
        self._waiting.append(_Answered(time.time(), kind, seconds, request_id, traceparent))
        if self._later is None:
            self.flush()
        elif len(self._waiting) == 1:
            self._later(self.flush)

    def flush(self) -> None:
        """Write the lines that wait."""
        waiting, self._waiting = self._waiting, []
        handler = logs.json_handler()
        if handler:
            handler.write([self._line(handler, answered) for answered in waiting])
            return
        for answered in waiting:
            log.info(_message(answered.kind), extra=self._facts(answered.kind) | _facts(answered))

    def _line(self, handler: logs.JsonHandler, answered: _Answered) -> logs.Line:
        return answered.time, self._constant(handler, answered.kind), _facts(answered)

    def _encoded(self, handler: logs.JsonHandler, kind: _Kind) -> str:
        return handler.constant(_message(kind), self._facts(kind))

    def _facts(self, kind: _Kind) -> dict[str, object]:
        method, route, status = kind
        return {"method": method, "route": route, "status": status, **self._model}


def _message(kind: _Kind) -> str:
    method, route, status = kind
    return f"{method} {route} {status}"


def _facts(answered: _Answered) -> dict[str, object]:
    """Return what differs from line to line."""
    milliseconds = round(answered.seconds * 1000, 3)
    facts: dict[str, object] = {"request_id": answered.request_id, "milliseconds": milliseconds}
    parent = trace.valid_parent(answered.traceparent) if answered.traceparent else ""
    return facts | {"traceparent": parent} if parent else facts
