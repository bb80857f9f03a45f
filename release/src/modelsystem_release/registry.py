"""A build's entry in MLflow: one run for each model, whatever the gate has decided."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelsystem_shared.errors import ServiceError, UsageError
from modelsystem_shared.manifest import Manifest
from modelsystem_shared.telemetry import trace

if TYPE_CHECKING:
    from mlflow import MlflowClient

_EXPERIMENT = "modelsystem"
_K = "20"
_PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}


@dataclass(frozen=True)
class Entry:
    """What MLflow keeps of a build."""

    experiment: str
    build: str
    tags: Mapping[str, str]
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]


def entry(manifest: Manifest, verdict: Mapping[str, object]) -> Entry:
    """Return the entry of a build.

    verdict: the JSON of `release gate`.
    """
    tenant = manifest.model.get("tenant")
    return Entry(
        f"{_EXPERIMENT}/{tenant}" if tenant else _EXPERIMENT,
        manifest.build,
        dict(_tags(manifest, verdict)),
        {key: str(value) for key, value in manifest.model.get("parameters", {}).items()},
        dict(_metrics(manifest, verdict)),
    )


def _tags(manifest: Manifest, verdict: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    run = manifest.run
    yield "build", manifest.build
    yield "model_digest", manifest.digest
    yield "gate", "passed" if verdict["passed"] else "refused"
    if parent := trace.valid_parent(run.get("traceparent") or ""):
        yield "trace", trace.trace_id(parent)
    for name, value in (
        ("commit", run.get("commit")),
        ("started_by", run.get("started_by")),
        ("trained_at", run.get("finished")),
    ):
        if value:
            yield name, value


def _metrics(manifest: Manifest, verdict: Mapping[str, object]) -> Iterator[tuple[str, float]]:
    if "metrics" in manifest.model:
        at = manifest.model["metrics"]["model"]["at"][_K]
        yield f"ndcg_at_{_K}", at["ndcg"]["mean"]
        yield f"recall_at_{_K}", at["recall"]["mean"]
        yield f"coverage_at_{_K}", at["coverage"]
        yield f"novelty_at_{_K}", at["novelty"]["mean"]
    if "data" in manifest.model:
        for name in ("rows", "users", "items", "interactions"):
            yield name, manifest.model["data"][name]
    candidate = verdict.get("candidate")
    for name, value in candidate.items() if isinstance(candidate, dict) else ():
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield f"gate_{name.replace('@', '_at_')}", value


def write(uri: str, content: Entry) -> str:
    """Write the entry, over an earlier one of the same build, and return the run's id.

    Raises:
        UsageError: MLflow is not installed.
        ServiceError: the server does not answer, or refuses.

    """
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient  # noqa: PLC0415  # an extra
        from mlflow.exceptions import MlflowException  # noqa: PLC0415  # as above
    except ImportError as error:
        raise UsageError(
            "MLflow is not installed: pip install 'modelsystem-release[mlflow]'"
        ) from error
    try:
        return _write(MlflowClient(tracking_uri=uri), content)
    except (MlflowException, OSError) as error:
        raise ServiceError(
            f"MLflow does not keep the entry of build {content.build}: {error}"
        ) from error


def _write(client: "MlflowClient", content: Entry) -> str:
    run_id = _run_of(client, _experiment(client, content.experiment), content)
    for key, value in content.parameters.items():
        client.log_param(run_id, key, value)
    for key, number in content.metrics.items():
        client.log_metric(run_id, key, number)
    for key, value in content.tags.items():
        client.set_tag(run_id, key, value)
    client.set_terminated(run_id)
    return run_id


def _experiment(client: "MlflowClient", name: str) -> str:
    experiment = client.get_experiment_by_name(name)
    return str(experiment.experiment_id if experiment else client.create_experiment(name))


def _run_of(client: "MlflowClient", experiment: str, content: Entry) -> str:
    """Return the run of this model; a gate that judges it again updates it."""
    same = f"tags.model_digest = '{content.tags['model_digest']}'"
    for run in client.search_runs([experiment], filter_string=same):
        if run.data.tags["build"] == content.build:
            return str(run.info.run_id)
    run = client.create_run(experiment, tags=dict(content.tags), run_name=content.build)
    return str(run.info.run_id)
