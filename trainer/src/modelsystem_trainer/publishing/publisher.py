"""The publication: the model's files, the report, then the manifest, and the marker last."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from modelsystem_shared import marker, publication
from modelsystem_shared.errors import CorruptModelError, ModelSystemError
from modelsystem_shared.manifest import REPORT, Manifest, ModelFile, ModelPart
from modelsystem_shared.numeric import model
from modelsystem_shared.numeric.model import Model
from modelsystem_trainer import cards
from modelsystem_trainer.ingest import Interactions
from modelsystem_trainer.publishing import (
    existing,
    plots,
    record,
    report,
    signature,
)
from modelsystem_trainer.publishing.attempt import Attempt
from modelsystem_trainer.publishing.record import Result
from modelsystem_trainer.settings import Settings

if TYPE_CHECKING:
    from modelsystem_shared.signing import Signer

log = logging.getLogger(__name__)
REJECTED = "rejected.csv"


def publish(
    settings: Settings, attempt: Attempt, result: Result, signer: "Signer | None" = None
) -> Manifest | None:
    """Write all files of the attempt and publish it, unless another trainer published first.

    signer: the key that signs the model; None leaves it unsigned.

    Returns the manifest; None if another trainer was first.

    Raises:
        SettingsError: another trainer published first, a model of other settings.
        ModelSystemError: that model is damaged.
        StorageError: the marker does not keep its content.

    """
    attempt.free_reserve()
    part = record.model_part(settings, result)
    written = write_model(attempt.path, result.trained.model)
    written += write_rejects(attempt.path, result.data)
    written += write_report(attempt.path, part)
    run = record.run_part(settings, attempt.path.name, attempt.started, attempt.seconds)
    score = f"{result.trained.metrics.ndcg:.6f}"
    described = Manifest(record.with_files(part, written), run)
    content = record.with_documents(described, write_documents(attempt.path, described))
    sign = signature.by(signer) if signer else None
    standing = publication.publish(settings.model_folder, attempt.path, content, score, sign)
    if standing.attempt != attempt.path.name:
        log.info("Stood back: %s was published by another trainer first", standing.attempt)
        existing.accept(settings, signer)
        return None
    log.info("Wrote: %s", settings.model_folder / marker.NAME)
    log.info("Score: %s", score)
    return content


def write_model(attempt: Path, written: Model) -> list[ModelFile]:
    """Write the model's arrays, each synced, and return their sizes and digests.

    Raises:
        ModelSystemError: a scorer would refuse the model.

    """
    try:
        model.check(written, "the new model")
    except CorruptModelError as error:
        raise ModelSystemError(
            f"nothing is published, a scorer would refuse it: {error}"
        ) from error
    return [
        publication.write(attempt, name, *model.npy(array)) for name, array in model.arrays(written)
    ]


def write_rejects(attempt: Path, data: Interactions) -> list[ModelFile]:
    """Write the list of malformed rows, if there are any."""
    if not data.rejects.count:
        return []
    return [publication.write(attempt, REJECTED, data.rejects.to_csv())]


def write_documents(attempt: Path, described: Manifest) -> list[ModelFile]:
    """Write the cards of model and data; they tell of build and time, unlike the model's files."""
    documents = cards.documents(described)
    return [publication.write(attempt, name, content) for name, content in documents.items()]


def write_report(attempt: Path, part: ModelPart) -> list[ModelFile]:
    """Write the report and its plots, as files of the model."""
    drawn = plots.drawn(part)
    pages = {**drawn, REPORT: report.page(part, drawn)}
    return [publication.write(attempt, name, content) for name, content in pages.items()]
