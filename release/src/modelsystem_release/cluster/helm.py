"""Helm releases: every call of Helm that the tool makes."""

import json
import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

from modelsystem_release.artefact import Artefact
from modelsystem_release.cluster import programs
from modelsystem_release.values import Values
from modelsystem_shared.errors import UsageError

log = logging.getLogger(__name__)
# Helm 4 has no --all; without these, Helm 3 leaves out what is pending.
_STATES = ("--deployed", "--failed", "--pending", "--uninstalling")
_REVISIONS = 50  # that an upgraded release keeps


class ListedRelease(TypedDict):
    """A release, as `helm list` has it."""

    name: str
    updated: str
    status: str
    chart: str
    app_version: str


class Revision(TypedDict):
    """A revision of a release, as `helm history` has it."""

    status: str
    description: str


def releases(namespace: str, pattern: str = ".") -> list[ListedRelease]:
    """Return the releases whose names match a pattern, in every state."""
    arguments = ["list", "--namespace", namespace, "--filter", pattern, "--max", "0", *_STATES]
    return programs.ask("helm", arguments, list[ListedRelease])


def values(release: str, namespace: str) -> Values:
    """Return the values that a release was given; empty if it was given none."""
    output = programs.ask("helm", ["get", "values", release, "--namespace", namespace], object)
    return output if isinstance(output, dict) else {}


def install(artefact: Artefact, namespace: str, is_dry_run: bool) -> bool:
    """Install an artefact, unless it is installed already; return whether it was not.

    Raises:
        UsageError: another artefact is installed under this build's name.

    """
    release = artefact.release
    if releases(namespace, f"^{release}$"):
        history = ["history", release, "--namespace", namespace]
        latest = programs.ask("helm", history, list[Revision])[-1]
        if latest["status"] == "deployed":
            _refuse_another(artefact, latest)
            log.info("%s is already installed from this artefact", release)
            return False
    command = ["upgrade", "--install", release, str(artefact.path), "--namespace", namespace]
    dry_run = ["--dry-run=server"] if is_dry_run else []
    programs.run("helm", [*command, "--description", artefact.description, *dry_run])
    return True


def upgrade(
    release: str, chart: Path, namespace: str, changed: Mapping[str, object], description: str
) -> None:
    """Give a release new values, or install it with them."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(changed, file)
        file.flush()
        command = ["upgrade", "--install", release, str(chart), "--values", file.name]
        command += ["--namespace", namespace, "--description", description[:500]]
        programs.run("helm", [*command, "--history-max", str(_REVISIONS)])


def uninstall(release: str, namespace: str) -> None:
    """Uninstall a release, and wait until its objects are gone."""
    programs.run("helm", ["uninstall", release, "--namespace", namespace, "--wait"])


def _refuse_another(artefact: Artefact, latest: Revision) -> None:
    if latest["description"] != artefact.description:
        raise UsageError(
            f"{artefact.release} is installed from another artefact ({latest['description']}): "
            "a build never changes, use a new build number"
        )
