"""Pushes the score of the model to a Prometheus Pushgateway.

It is pushed once, as `model_score` with the labels build and tenant (empty without one). A failure
is only logged, and a gateway that does not answer costs the waiter one second.
"""

import logging
import threading
import urllib.request
from base64 import urlsafe_b64encode

from modelsystem_shared.folder import Published

log = logging.getLogger(__name__)
PATIENCE = 1.0  # seconds
_HELP = "The score of a build's model, NDCG@20 on held-out interactions."


def push(url: str, model: Published) -> None:
    """Push the score, or log why it cannot be pushed, within about a second."""
    request = urllib.request.Request(  # noqa: S310  # the settings allow only http and https
        f"{url}/metrics/job/modelsystem/{_labels(model)}",
        f"# HELP model_score {_HELP}\n# TYPE model_score gauge\n"
        f"model_score {model.marker.score}\n".encode(),
        method="PUT",
    )
    # A thread, because the lookup of a host name has no timeout; it ends with the process.
    sending = threading.Thread(target=_send, args=(request,), daemon=True)
    sending.start()
    sending.join(PATIENCE)
    if sending.is_alive():
        log.warning("The Pushgateway does not answer: it may not have the score")


def _labels(model: Published) -> str:
    """Return the labels as a path; in base64, because they may hold slashes or be empty."""
    labels = {"build": model.marker.build, "tenant": model.manifest.model.get("tenant") or ""}
    return "/".join(
        f"{name}@base64/{urlsafe_b64encode(value.encode()).decode() or '='}"
        for name, value in labels.items()
    )


def _send(request: urllib.request.Request) -> None:
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE):  # noqa: S310  # as above
            log.info("Pushed the score to the Pushgateway")
    except (OSError, ValueError) as error:  # refused, unreachable, or an answer that is an error
        log.warning("The score cannot be pushed to the Pushgateway: %s", error)
