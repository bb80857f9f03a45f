"""`release deploy`: installs an artefact and watches it until its site is ready."""

import argparse
import logging
import sys
from pathlib import Path

from modelsystem_release import artefact, cluster
from modelsystem_release.cluster import Stage, Target, Watcher
from modelsystem_release.commands.arguments import Commands, Parser, command
from modelsystem_release.commands.output import show

log = logging.getLogger(__name__)
MORE = """Exit code 0: the training is complete and the site is ready. It ends at once if that will
never be: 3, the training failed; 4, the model is refused; 5, the trainer's storage does not answer;
6, the cluster cannot run a pod, or it ends again and again. 7: not ready in time. Deploying the
same artefact again changes nothing, and watches it."""


def add(commands: "Commands[Parser]") -> None:
    """Add the command."""
    parser = command(commands, "deploy", __doc__, MORE)
    parser.add_argument("artefact", type=Path, metavar="ARTEFACT")
    parser.add_argument("--namespace", required=True, metavar="N")
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="default: the chart's own deadline"
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=120,
        metavar="SECONDS",
        help="for a missing node, image or claim, or a pod that is refused (default 120)",
    )
    parser.add_argument("--dry-run", action="store_true", help="let Helm check, change nothing")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Install and watch."""
    built = artefact.read(arguments.artefact)
    is_new = cluster.install(built, arguments.namespace, arguments.dry_run)
    if not arguments.dry_run:
        target = Target(arguments.namespace, built.tenant)
        Watcher(target, built.release, arguments.patience, StageLog()).watch(arguments.timeout)
    data = {"build": built.build, "release": built.release, "installed": is_new}
    result = "is ready"
    if arguments.dry_run:
        result = "would be installed" if is_new else "is installed already"
    show(arguments, data, f"build {built.build} {result} as {built.release}")


class StageLog:
    """Logs each new stage; on a terminal the training's progress stays on one line."""

    def __init__(self) -> None:
        """Log nothing yet."""
        self._last: Stage | None = None

    def __call__(self, stage: Stage) -> None:
        """Log a stage if it differs from the last one."""
        if stage == self._last:
            return
        if sys.stderr.isatty():
            end = "" if stage.is_training else "\n"
            print(f"\r\x1b[K{stage}", end=end, file=sys.stderr, flush=True)
        else:
            log.info("%s", stage)
        self._last = stage
