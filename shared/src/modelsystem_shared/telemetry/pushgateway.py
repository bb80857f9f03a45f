"""Pushes figures of a build to a Prometheus Pushgateway, for programs that end.

A failure is only logged, and a gateway that does not answer costs one second.
"""

import http.client
import logging
import threading
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import NamedTuple

log = logging.getLogger(__name__)
PATIENCE = 1.0  # seconds
_JOB = "modelsystem"


class Gauge(NamedTuple):
    """A figure, and what it means."""

    name: str
    meaning: str
    value: str


def push(url: str, labels: Mapping[str, str], gauges: Sequence[Gauge]) -> None:
    """Push gauges with labels, or log why not, within about a second.

    Of what was pushed with the same labels before, gauges of other names stay.

    labels: what tells the build from all others: its namespace, its tenant and its number.
    """
    lines = [
        f"# HELP {g.name} {g.meaning}\n# TYPE {g.name} gauge\n{g.name} {g.value}" for g in gauges
    ]
    request = urllib.request.Request(  # noqa: S310  # callers allow only http and https
        f"{url.rstrip('/')}/metrics/job/{_JOB}/{_path(labels)}",
        "".join(f"{line}\n" for line in lines).encode(),
        method="POST",
    )
    names = ", ".join(gauge.name for gauge in gauges)
    try:
        error = _sending(request).get(timeout=PATIENCE)
        if error is None:
            log.info("Pushed %s to the Pushgateway", names)
        else:
            log.warning("%s cannot be pushed to the Pushgateway: %s", names, error)
    except Empty:
        log.warning("The Pushgateway does not answer: it may not have %s", names)


def _path(labels: Mapping[str, str]) -> str:
    """Return labels as a path; in base64, because they may hold slashes or be empty."""
    return "/".join(
        f"{name}@base64/{urlsafe_b64encode(value.encode()).decode() or '='}"
        for name, value in labels.items()
    )


def _sending(request: urllib.request.Request) -> SimpleQueue[str | None]:
    """Start to send a request, and return where its error will be, or None if it is sent.

    By a thread, because the lookup of a host name has no timeout. It ends with the process, and
    logs nothing, so that it does not speak after the program's last words.
    """
    outcome: SimpleQueue[str | None] = SimpleQueue()

    def send() -> None:
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE):  # noqa: S310  # as above
                outcome.put(None)
        except (OSError, ValueError, http.client.HTTPException) as error:
            outcome.put(str(error))

    threading.Thread(target=send, daemon=True).start()
    return outcome
