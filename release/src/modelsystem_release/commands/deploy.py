"""`release deploy`: installs an artefact and watches it until its site is ready."""

import argparse
import json
import logging
import re
import sys
import time
from pathlib import Path

from modelsystem_release.artefact import artefact
from modelsystem_release.artefact.artefact import Artefact
from modelsystem_release.cluster import programs, target, watching
from modelsystem_release.cluster.target import Namespace
from modelsystem_release.cluster.watching import Seen
from modelsystem_release.commands.arguments import Commands, Parser, command, show
from modelsystem_release.errors import CannotRunError, ServiceError, TooLateError, UsageError

log = logging.getLogger(__name__)
MORE = """Ends 0 when the site is ready, and at once with a reason when it never will be: 3 the
training failed; 6 an image, a node or the claim is missing; 7 the deadline. The same artefact
again changes nothing, and is watched as it is."""
_INTERVAL = 2.0  # seconds
_UNREACHABLE = 60.0  # seconds without an answer of the cluster that are borne
_TRAINING, _MORE = 3600, 900  # seconds: the chart's default, and what the site's deadline adds
_PROGRESS = re.compile(r"\w[\w ]*: \d+ %")


def add(commands: "Commands[Parser]") -> None:
    """Add the command."""
    parser = command(commands, "deploy", __doc__, MORE)
    parser.add_argument("artefact", type=Path, metavar="ARTEFACT")
    parser.add_argument("--namespace", required=True, metavar="N")
    parser.add_argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="default: that of the training, and 900 more",
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=120,
        metavar="SECONDS",
        help="for a node, an image or the claim to appear (default 120)",
    )
    parser.add_argument("--dry-run", action="store_true", help="let Helm check, change nothing")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> None:
    """Install and watch."""
    found = artefact.read(chosen.artefact)
    is_new = install(found, chosen.namespace, chosen.dry_run)
    if not chosen.dry_run:
        training = (found.values.get("trainer") or {}).get("deadlineSeconds") or _TRAINING
        timeout = training + _MORE if chosen.timeout is None else chosen.timeout
        Watcher(Namespace(chosen.namespace, found.tenant), found.release, chosen.patience).watch(
            timeout
        )
    data = {"build": found.build, "release": found.release, "installed": is_new}
    told = "would be installed" if chosen.dry_run and is_new else "is ready"
    show(chosen.output == "json", data, f"build {found.build} {told} as {found.release}")


def install(found: Artefact, namespace: str, dry_run: bool) -> bool:
    """Install an artefact, unless it is installed already; return whether it was not.

    Raises:
        UsageError: another artefact is installed under this build's name.

    """
    description = f"artefact {artefact.checksum(found)}"
    if target.releases(namespace, f"^{found.release}$"):
        history = programs.ask("helm", ["history", found.release, "--namespace", namespace])
        latest = history[-1]
        if latest["description"] != description and latest["status"] == "deployed":
            raise UsageError(
                f"{found.release} is installed from another artefact ({latest['description']}): "
                "a build never changes, cut a new one"
            )
        if latest["status"] == "deployed":
            log.info("%s is installed from this artefact already", found.release)
            return False
    command = ["upgrade", "--install", found.release, str(found.path), "--namespace", namespace]
    dry = ["--dry-run=server"] if dry_run else []
    programs.run("helm", [*command, "--description", description, *dry])
    return True


class Watcher:
    """Looks at a release until it is ready or never will be."""

    def __init__(self, space: Namespace, release: str, patience: float) -> None:
        """Bear a delay for `patience` seconds."""
        self._space, self._release, self._patience = space, release, patience
        self._delayed_since: float | None = None
        self._told = ""

    def watch(self, timeout: float) -> None:
        """Return when the site is ready.

        Raises:
            TrainingFailedError: with the trainer's own reason.
            CannotRunError: an image, a node or the claim is missing.
            TooLateError: it is not ready after `timeout` seconds.

        """
        deadline = time.monotonic() + timeout
        while True:
            seen = self._look(deadline)
            self._tell(watching.stage(seen, self._progress(seen)))
            if watching.is_ready(seen):
                return
            if error := watching.failure(seen):
                raise error
            self._judge_delay(watching.delay(seen))
            if time.monotonic() >= deadline:
                raise TooLateError(f"not ready after {timeout:g} s: {self._told}")
            time.sleep(_INTERVAL)

    def _look(self, deadline: float) -> Seen:
        """Ask the cluster; a short absence of its API is borne."""
        until = min(deadline, time.monotonic() + _UNREACHABLE)
        while True:
            try:
                return look(self._space, self._release)
            except ServiceError as error:
                if time.monotonic() >= until:
                    raise
                log.warning("%s; trying again", error)
                time.sleep(_INTERVAL)

    def _judge_delay(self, reason: str | None) -> None:
        if reason is None:
            self._delayed_since = None
            return
        now = time.monotonic()
        self._delayed_since = self._delayed_since or now
        if now - self._delayed_since >= self._patience:
            raise CannotRunError(f"{reason} (for {self._patience:g} s)")

    def _progress(self, seen: Seen) -> str:
        """Return the phase and share that the trainer's log told last."""
        pods = watching.trainers(seen)
        if not pods:
            return ""
        place = ["--namespace", self._space.name, "--container", "trainer", "--tail", "20"]
        try:
            return progress(programs.run("kubectl", ["logs", pods[-1], *place]))
        except ServiceError:  # the pod has just ended, or has not begun
            return ""

    def _tell(self, line: str) -> None:
        """Show one line: on a terminal always the same, elsewhere one more when it changes."""
        if line == self._told:
            return
        if sys.stderr.isatty():
            print(f"\r\x1b[K{line}", end="\n" if "site: 0" not in line else "", file=sys.stderr)
        else:
            log.info("%s", line)
        self._told = line


def look(space: Namespace, release: str) -> Seen:
    """Ask the cluster once for all that there is to see of a release."""
    found = space.of_release("jobs,deployments,pods", release)
    of_kind = {
        kind: [one for one in found if one["kind"] == kind] for kind in ("Job", "Deployment", "Pod")
    }
    names = {
        volume["persistentVolumeClaim"]["claimName"]
        for pod in of_kind["Pod"]
        for volume in pod["spec"].get("volumes", [])
        if "persistentVolumeClaim" in volume
    }
    claims = [
        one for one in space.get("persistentvolumeclaims") if one["metadata"]["name"] in names
    ]
    return Seen(of_kind["Job"], of_kind["Deployment"], of_kind["Pod"], claims)


def progress(text: str) -> str:
    """Return the last line of a trainer's log that tells of a phase and its share."""
    for line in reversed(text.splitlines()):
        try:
            message = json.loads(line)["message"]
        except (ValueError, KeyError, TypeError):
            message = line
        if _PROGRESS.fullmatch(str(message)):
            return str(message)
    return ""
