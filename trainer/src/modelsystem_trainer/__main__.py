"""Train one build: read the export, judge it, fit, evaluate, and publish the model."""

import logging
import os
from contextlib import AbstractContextManager
from pathlib import Path

from modelsystem_shared import parsers, program
from modelsystem_shared.errors import ModelSystemError
from modelsystem_trainer import engines, profile, publishing, reading, training
from modelsystem_trainer.engines import Workplace
from modelsystem_trainer.evaluation import Champion, load_champion, measure_on_gate
from modelsystem_trainer.fit import Resources
from modelsystem_trainer.lineage import Reporter
from modelsystem_trainer.publishing import Attempt, Result
from modelsystem_trainer.search import Start
from modelsystem_trainer.settings import Settings
from modelsystem_trainer.training import Plan

log = logging.getLogger(__name__)
ABOUT = """Train one build: read the export, judge it, fit, evaluate, and publish the model.

exit codes: 0 published, or complete already; 2 settings; 3 the data, or credentials refused;
5 storage unavailable, a retry can help; 1 any other error."""


def main() -> None:
    """Run the trainer as a program."""
    job = Job()
    program.main("trainer", ABOUT, Settings, job.run, job.record_failure)


class Job:
    """One run of the trainer."""

    def __init__(self) -> None:
        """Start without an attempt."""
        self.attempt: Path | None = None
        self.lineage: Reporter | None = None

    def run(self, settings: Settings) -> None:
        """Train and publish the build, unless it is complete already, or help who does."""
        log.info("Model Folder: %s", settings.model_folder)
        log.info("Build Number: %s", settings.build)
        if settings.is_helper:
            engines.help_driver(settings.model_folder, settings.index, settings.threads)
            return
        signer = publishing.signer(settings)
        if publishing.is_published(settings.model_folder):
            publishing.accept(settings, signer)
            return
        champion = _champion(settings)
        with Attempt(settings.model_folder) as attempt:
            self.attempt = attempt.path
            self.lineage = Reporter(settings, attempt.path.name)
            with _workplace(settings, attempt.path) as workplace:
                data = reading.read(settings, workplace, attempt.progress)
                described = profile.profiled(data, champion, settings.rules)
                profile.check(described)
                plan = _plan(settings, champion)
                resources = Resources(workplace.engine, workplace.folder, settings.memory_limit)
                trained = training.train(data, plan, attempt.progress, resources)
            gate = measure_on_gate(trained.model, trained.counts, trained.n_users, champion)
            result = Result(data, described, trained, gate)
            manifest = publishing.publish(settings, attempt, result, signer)
        self.lineage.completed(manifest)

    def record_failure(self, error: ModelSystemError) -> None:
        """Leave the reason in the model folder, if that is usable, and report it."""
        # Not from the settings: they may be what failed.
        variables = {name: parsers.unquoted(value) for name, value in os.environ.items()}
        index = variables.get("JOB_COMPLETION_INDEX") or "0"
        if variables.get("ENGINE", "").lower() == "indexed" and index != "0":
            return  # index 0 speaks for the training
        if name := variables.get("MODELFOLDER"):
            publishing.record_failure(Path(name).absolute(), self.attempt, error)
        if self.lineage:
            self.lineage.failed(str(error))


def _champion(settings: Settings) -> Champion | None:
    if settings.champion_folder is None:
        return None
    return load_champion(settings.champion_folder, settings.trusted_keys)


def _workplace(settings: Settings, attempt: Path) -> AbstractContextManager[Workplace]:
    return engines.opened(settings.engine, settings.threads, attempt, settings.spark_url)


def _plan(settings: Settings, champion: Champion | None) -> Plan:
    return Plan(
        settings.neighbours,
        settings.parameters,
        settings.method,
        histories=settings.histories == "on",
        champion=_start(champion) if champion else None,
    )


def _start(champion: Champion) -> Start | None:
    if not champion.parameters:
        return None
    return Start(f"champion {champion.build}", champion.parameters, champion.digest)


if __name__ == "__main__":
    main()
