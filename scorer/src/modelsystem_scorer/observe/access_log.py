"""The access log: a line for each request, thousands of times a second.

A line has the route's template, and neither path nor body: both can contain user ids.
"""

import logging
from collections.abc import Mapping
from functools import lru_cache

from modelsystem_shared import logs
from modelsystem_shared.telemetry import trace

log = logging.getLogger(__name__)
_Kind = tuple[str, str, int]  # method, route, status


class AccessLog:
    """Writes a line for each answered request."""

    def __init__(self, model: Mapping[str, str]) -> None:
        """Say in each line what `model` says."""
        self._model = model
        self._constant = lru_cache(256)(self._encoded)  # methods are what clients send

    def write(self, kind: _Kind, seconds: float, request_id: str, traceparent: str) -> None:
        """Write a line.

        request_id: JSON escapes no character of it.
        traceparent: as the request has brought it.
        """
        milliseconds = round(seconds * 1000, 3)
        parent = trace.valid_parent(traceparent) if traceparent else ""
        handler = logs.json_handler()
        if handler:
            end = f', "traceparent": "{parent}"' if parent else ""
            variable = f'"request_id": "{request_id}", "milliseconds": {milliseconds}{end}'
            handler.write(self._constant(handler, kind), variable)
            return
        facts = self._facts(kind) | {"request_id": request_id, "milliseconds": milliseconds}
        log.info(_message(kind), extra=facts | ({"traceparent": parent} if parent else {}))

    def _encoded(self, handler: logs.JsonHandler, kind: _Kind) -> str:
        return handler.constant(_message(kind), self._facts(kind))

    def _facts(self, kind: _Kind) -> dict[str, object]:
        method, route, status = kind
        return {"method": method, "route": route, "status": status, **self._model}


def _message(kind: _Kind) -> str:
    method, route, status = kind
    return f"{method} {route} {status}"
