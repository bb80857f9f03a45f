"""The model as figures for Prometheus: alerts and dashboards compare builds by them."""

from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric

from modelsystem_scorer.engine import ServedModel
from modelsystem_shared import profile

_PREFIX = "modelsystem_scorer"


def model_metrics(served: ServedModel) -> Iterator[Metric]:
    """Yield gauges that never change; a figure that the manifest does not have has none."""
    info = GaugeMetricFamily(
        f"{_PREFIX}_model_info", "The model that is served.", labels=list(served.labels)
    )
    info.add_metric(list(served.labels.values()), 1)
    yield info
    identity = {name: served.labels[name] for name in ("build", "tenant")}
    for name, help_text, value in _figures(served):
        if value is not None:
            gauge = GaugeMetricFamily(f"{_PREFIX}_{name}", help_text, labels=list(identity))
            gauge.add_metric(list(identity.values()), value)
            yield gauge


def _figures(served: ServedModel) -> Iterator[tuple[str, str, float | None]]:
    """Yield name, help and value of each figure; None if it is not known."""
    manifest = served.published.manifest
    finished = _seconds(manifest.run.get("finished"))
    yield "model_score", "NDCG@20 on held-out interactions.", served.info.score
    yield "model_trained_timestamp_seconds", "When the training ended.", finished
    size = sum(file.size for file in manifest.files)
    yield "model_size_bytes", "Size of the model's files.", size
    if data := manifest.model.get("data"):
        yield "data_rows", "Rows that the training read.", data["rows"]
        if described := data.get("profile"):
            broken = len(profile.broken(described))
            last = _seconds(described["last"])
            yield "data_last_timestamp_seconds", "Time of the last interaction.", last
            yield "data_rules_broken", "Rules of DATA_RULES that the data breaks.", broken


def _seconds(time: str | None) -> float | None:
    """Return seconds since 1970 of a time in ISO 8601; None without one."""
    return datetime.fromisoformat(time).timestamp() if time else None
