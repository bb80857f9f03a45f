"""What the waiter pushes to a Prometheus Pushgateway: how it ended, and the model's score."""

from modelsystem_shared.folder import Published
from modelsystem_shared.telemetry import pushgateway
from modelsystem_shared.telemetry.pushgateway import Gauge
from modelsystem_waiter.settings import Settings

_SCORE = "The score of a build's model, NDCG@20 on held-out interactions."
_EXIT = "Exit code of a build's last waiter: 0 the model is ready, 3 training failed, 4 corrupt."


def push_score(settings: Settings, model: Published) -> None:
    """Push the score of a model that is ready, if there is a gateway."""
    gauges = [_exit_code(0), Gauge("model_score", _SCORE, model.marker.score)]
    _push(settings, model.marker.build, model.manifest.tenant or "", gauges)


def push_failure(settings: Settings, exit_code: int) -> None:
    """Push with which exit code the waiter ends, if there is a gateway."""
    _push(settings, settings.build or "", settings.tenant or "", [_exit_code(exit_code)])


def _exit_code(code: int) -> Gauge:
    return Gauge("modelsystem_waiter_exit_code", _EXIT, str(code))


def _push(settings: Settings, build: str, tenant: str, gauges: list[Gauge]) -> None:
    if settings.pushgateway:
        labels = {"namespace": settings.namespace or "", "build": build, "tenant": tenant}
        pushgateway.push(settings.pushgateway, labels, gauges)
