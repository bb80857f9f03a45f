"""Trains one build: reads last night's export, fits, evaluates and publishes the model.

Exit codes: 0 published, or complete already; 2 settings; 3 the data, or credentials
refused; 5 storage unavailable, a retry can help; 1 anything else.
"""

import logging
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from modelsystem_shared import logs, marker, parsers, program, publication, settings
from modelsystem_shared.errors import ModelSystemError
from modelsystem_shared.manifest import Manifest
from modelsystem_trainer import training
from modelsystem_trainer.evaluation import gate
from modelsystem_trainer.evaluation.gate import Gate
from modelsystem_trainer.ingest import export, interactions
from modelsystem_trainer.ingest.export import Export
from modelsystem_trainer.ingest.interactions import Interactions, Reading
from modelsystem_trainer.publishing import existing, record
from modelsystem_trainer.publishing.attempt import Attempt, record_failure
from modelsystem_trainer.settings import Settings
from modelsystem_trainer.training import Plan, Trained

log = logging.getLogger(__name__)


def main() -> None:
    """Run the trainer as a program."""
    program.answer_help("modelsystem-trainer", __doc__ or "", Settings)
    logs.configure("trainer")
    job = Job()
    sys.exit(program.run(job.run, job.failed))


class Job:
    """One run of the trainer."""

    def __init__(self) -> None:
        """Nothing is begun yet."""
        self.started = datetime.now(UTC)
        self.attempt: Path | None = None

    def run(self) -> None:
        """Train and publish the build, unless it is complete already."""
        chosen = settings.read(Settings, os.environ)
        logs.configure("trainer", chosen.log_format)
        log.info("Model Folder: %s", chosen.model_folder)
        log.info("Build Number: %s", chosen.build)
        if existing.is_complete(chosen):
            return
        champion = gate.load(chosen.champion_folder) if chosen.champion_folder else None
        with Attempt(chosen.model_folder) as attempt:
            self.attempt = attempt.path
            data = read(chosen, attempt)
            plan = Plan(chosen.neighbours, chosen.parameters, chosen.threads, chosen.method)
            trained = training.train(data, plan, attempt.progress)
            self.publish(chosen, data, trained, gate.ask(trained.model, trained.counts, champion))

    def publish(self, chosen: Settings, data: Interactions, trained: Trained, asked: Gate) -> None:
        """Write the model's files, then the manifest, and last the marker."""
        assert self.attempt
        told = record.facts(chosen, data, trained, asked)
        listed = record.write_files(self.attempt, trained, data.rejects)
        listed += record.write_report(self.attempt, told)
        content = Manifest(
            model=record.model_part(told, listed),
            run=record.run_part(chosen, self.attempt, self.started),
        )
        score = f"{trained.metrics.ndcg:.6f}"
        standing = publication.publish(chosen.model_folder, self.attempt, content, score)
        if standing.attempt != self.attempt.name:
            log.info("Stood back: %s was published by another trainer first", standing.attempt)
            existing.is_complete(chosen)
            return
        log.info("Wrote: %s", chosen.model_folder / marker.NAME)
        log.info("Score: %s", score)

    def failed(self, error: ModelSystemError) -> None:
        """Leave the reason in the model folder, where that is usable."""
        if named := parsers.unquoted(os.environ.get("MODELFOLDER", "")):
            record_failure(Path(named).absolute(), self.attempt, error)


def read(chosen: Settings, attempt: Attempt) -> Interactions:
    """Read the export from wherever it is."""
    how = Reading(chosen.columns, chosen.tenant, chosen.bad_rows, chosen.threads)
    with tempfile.TemporaryDirectory(prefix="modelsystem-") as scratch:
        found = fetch(chosen, Path(scratch), attempt)
        data = interactions.read(found, how, lambda share: attempt.progress("read", share))
    log.info(
        "Read %d interactions of %d users and %d items from %d rows",
        len(data.table), len(data.users), len(data.items), data.rows,
    )  # fmt: skip
    return data


def fetch(chosen: Settings, scratch: Path, attempt: Attempt) -> Export:
    """Find the export in a local folder, or download it."""
    if chosen.csv_folder:
        return export.of_folder(chosen.csv_folder)
    from modelsystem_trainer.ingest import blobs  # noqa: PLC0415  # Azure's libraries are slow to import

    return blobs.fetch(chosen, scratch, lambda share: attempt.progress("download", share))


if __name__ == "__main__":
    main()
