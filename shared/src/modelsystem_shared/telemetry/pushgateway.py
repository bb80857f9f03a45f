"""Pushes figures of a build to a Prometheus Pushgateway, for programs that end.

A failure is only logged, and a gateway that does not answer costs one second.
"""

import http.client
import logging
import threading
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
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
    # A thread, because the lookup of a host name has no timeout; it ends with the process.
    sending = threading.Thread(target=_send, args=(request, gauges), daemon=True)
    sending.start()
    sending.join(PATIENCE)
    if sending.is_alive():
        log.warning("The Pushgateway does not answer: it may not have %s", _names(gauges))


def _path(labels: Mapping[str, str]) -> str:
    """Return labels as a path; in base64, because they may hold slashes or be empty."""
    return "/".join(
        f"{name}@base64/{urlsafe_b64encode(value.encode()).decode() or '='}"
        for name, value in labels.items()
    )


def _send(request: urllib.request.Request, gauges: Sequence[Gauge]) -> None:
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE):  # noqa: S310  # as above
            log.info("Pushed %s to the Pushgateway", _names(gauges))
    except (OSError, ValueError, http.client.HTTPException) as error:
        log.warning("%s cannot be pushed to the Pushgateway: %s", _names(gauges), error)


def _names(gauges: Sequence[Gauge]) -> str:
    return ", ".join(gauge.name for gauge in gauges)
