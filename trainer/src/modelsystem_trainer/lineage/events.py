"""OpenLineage events of one training, as JSON: https://openlineage.io/spec/2-0-2/OpenLineage.json.

The facets are those of https://openlineage.io/spec/facets/; datasets are named as
https://openlineage.io/docs/spec/naming says.
"""

import hashlib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from modelsystem_shared.manifest import Data, Manifest
from modelsystem_trainer.settings import Settings

Json = dict[str, object]
_PRODUCER = "urn:modelsystem:trainer"
_SPEC = "https://openlineage.io/spec"
_NAMESPACE = "modelsystem"


class Run:
    """Makes the events of a training."""

    def __init__(self, settings: Settings, attempt: str) -> None:
        """Identify the run by its attempt: its id can be computed from the manifest."""
        self._settings = settings
        self._id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{_PRODUCER}:{attempt}"))

    def started(self) -> Json:
        """Return the event of the start, whose input has no facets yet."""
        return self._event("START", inputs=[_dataset(*_export(self._settings))])

    def completed(self, manifest: Manifest | None) -> Json:
        """Return the event of a complete training.

        manifest: of the model that it has published; None if another training was first.
        """
        if manifest is None:
            return self._event("COMPLETE", inputs=[_dataset(*_export(self._settings))])
        inputs = (
            [_input(self._settings, manifest.model["data"])] if "data" in manifest.model else []
        )
        return self._event("COMPLETE", inputs, [_output(self._settings.model_folder, manifest)])

    def failed(self, sentence: str) -> Json:
        """Return the event of a training that failed, and why."""
        error = _facet("1-0-1/ErrorMessageRun", message=sentence, programmingLanguage="PYTHON")
        return self._event(
            "FAIL", [_dataset(*_export(self._settings))], run_facets={"errorMessage": error}
        )

    def _event(
        self,
        kind: str,
        inputs: list[Json],
        outputs: list[Json] | None = None,
        run_facets: Json | None = None,
    ) -> Json:
        tags = [{"key": key, "value": value} for key, value in _tags(self._settings)]
        facets = {"tags": _facet("1-0-0/TagsRun", tags=tags), **(run_facets or {})}
        return {
            "eventType": kind,
            "eventTime": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "producer": _PRODUCER,
            "schemaURL": f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "run": {"runId": self._id, "facets": facets},
            "job": _job(self._settings.tenant),
            "inputs": inputs,
            "outputs": outputs or [],
        }


def _job(tenant: str | None) -> Json:
    kind = _facet(
        "2-0-4/JobTypeJob", processingType="BATCH", integration="MODELSYSTEM", jobType="TRAINING"
    )
    name = f"training.{tenant}" if tenant else "training"
    return {"namespace": _NAMESPACE, "name": name, "facets": {"jobType": kind}}


def _tags(settings: Settings) -> Iterator[tuple[str, str]]:
    yield "build", settings.build
    for key, value in (
        *(("tenant", settings.tenant), ("commit", settings.commit)),
        *(("started_by", settings.started_by), ("traceparent", settings.traceparent)),
    ):
        if value:
            yield key, value


def _export(settings: Settings) -> tuple[str, str]:
    """Return namespace and name of the export."""
    if settings.csv_folder:
        return "file", str(settings.csv_folder)
    host = urlsplit(settings.account_url).netloc
    return f"wasbs://{settings.container}@{host}", settings.blob_folder or "/"


def _dataset(namespace: str, name: str, **facets: object) -> Json:
    return {"namespace": namespace, "name": name, "facets": facets}


def _input(settings: Settings, data: Data) -> Json:
    """Return the export with its version, a hash over its files, its columns and its size."""
    digests = "".join(f"{file['sha256']}  {file['name']}\n" for file in data["files"])
    version = hashlib.sha256(digests.encode()).hexdigest()
    dataset = _dataset(
        *_export(settings),
        version=_facet("1-0-1/DatasetVersionDataset", datasetVersion=version),
        schema=_facet("1-2-0/SchemaDataset", fields=list(_columns(data))),
    )
    size = sum(file["bytes"] for file in data["files"])
    statistics = _facet(
        "1-0-0/InputStatisticsInputDataset",
        rowCount=data["rows"], size=size, fileCount=len(data["files"]),
    )  # fmt: skip
    return {**dataset, "inputFacets": {"inputStatistics": statistics}}


def _columns(data: Data) -> Iterator[Json]:
    """Yield the columns that were used, by their names in the files."""
    files = data["profile"]["files"] if "profile" in data else []
    names = {theirs: ours for file in files for ours, theirs in file["columns"].items()}
    for theirs, ours in names.items():
        yield {"name": theirs, "description": f"used as {ours}"}


def _output(folder: Path, manifest: Manifest) -> Json:
    """Return the model folder, whose version is the model digest."""
    version = _facet("1-0-1/DatasetVersionDataset", datasetVersion=manifest.digest)
    size = sum(file.size for file in manifest.files)
    statistics = _facet(
        "1-0-2/OutputStatisticsOutputDataset", size=size, fileCount=len(manifest.files)
    )
    dataset = _dataset("file", str(folder), version=version)
    return {**dataset, "outputFacets": {"outputStatistics": statistics}}


def _facet(name: str, **fields: object) -> Json:
    """Return a facet; its name is that of its schema, such as `1-0-0/TagsRun`."""
    kind = name.partition("/")[2]
    schema = f"{_SPEC}/facets/{name}Facet.json#/$defs/{kind}Facet"
    return {"_producer": _PRODUCER, "_schemaURL": schema, **fields}
