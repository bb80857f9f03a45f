"""What a build was made of, as a statement: from its artefact, its images and its model."""

from collections.abc import Mapping, Sequence

from modelsystem_release.artefact.artefact import Artefact
from modelsystem_release.artefact.origin import builder_url
from modelsystem_release.artefact.statement import (
    BUILD_TYPE,
    MODEL,
    PREDICATE,
    STATEMENT,
    Byproduct,
    Dependency,
    Image,
    Statement,
)
from modelsystem_release.values import masked
from modelsystem_shared.manifest import Data, Manifest, Metrics


def make_statement(
    artefact: Artefact, images: Sequence[Image], environ: Mapping[str, str], model: Manifest | None
) -> Statement:
    """Return the statement; without `model` it has no data and no metrics.

    environ: names the pipeline, if one runs this.
    """
    subjects = [Image(artefact.path.name, artefact.sha256), *images]
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": sha256}} for name, sha256 in subjects],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": masked(artefact.values),
                "internalParameters": artefact.origin.annotations(),
                "resolvedDependencies": [_commit(artefact), *_files(_data(model))],
            },
            "runDetails": {
                "builder": {"id": builder_url(environ) or "urn:modelsystem:by-hand"},
                "metadata": {"invocationId": artefact.origin.run_url or f"build {artefact.build}"},
                "byproducts": [_byproduct(model)] if model else [],
            },
        },
    }


def _commit(artefact: Artefact) -> Dependency:
    origin = artefact.origin
    repository = f"git+{origin.repository}" if origin.repository else "git+local"
    uri = f"{repository}@{origin.branch}" if origin.branch else repository
    return {"uri": uri, "digest": {"gitCommit": origin.commit}}


def _data(model: Manifest | None) -> Data | None:
    return model.model.get("data") if model else None


def _files(data: Data | None) -> list[Dependency]:
    if data is None:
        return []
    return [
        {
            "name": file["name"],
            "uri": f"{data['location']}/{file['name']}",
            "digest": {"sha256": file["sha256"]},
        }
        for file in data["files"]
    ]


def _byproduct(model: Manifest) -> Byproduct:
    data = _data(model)
    run = {key: model.run.get(key) for key in ("started", "finished", "commit", "started_by")}
    annotations: dict[str, object] = {
        "build": model.build,
        "metrics": _metrics(model),
        "rows": data["rows"] if data else None,
        "run": run,
    }
    return {"name": MODEL, "digest": {"sha256": model.digest}, "annotations": annotations}


def _metrics(model: Manifest) -> dict[str, object]:
    metrics = model.model.get("metrics")
    if metrics is None:
        return {}
    return {"model": _at_20(metrics["model"]), "popularity": _at_20(metrics["popularity"])}


def _at_20(metrics: Metrics) -> dict[str, object]:
    figures = metrics["at"]["20"]
    return {
        "users": metrics["users"],
        "recall": figures["recall"],
        "ndcg": figures["ndcg"],
        "coverage": figures["coverage"],
        "novelty": figures["novelty"],
    }
