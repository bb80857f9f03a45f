"""Helm releases: every call of Helm that the tool makes."""

import json
import logging
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from modelsystem_release.artefact import Artefact
from modelsystem_release.cluster import programs
from modelsystem_release.cluster.target import check_namespace
from modelsystem_release.values import Values
from modelsystem_shared.errors import ServiceError, UsageError

log = logging.getLogger(__name__)
# Helm 4 has no --all; without these, Helm 3 leaves out what is pending.
_STATES = ("--deployed", "--failed", "--pending", "--uninstalling")
# How both versions of Helm begin a refusal: a template's `fail`, or the schema.
_REFUSAL = re.compile(r"(?:execution error at \([^)]*\): |(?=values don't meet the spec))(.*)")
# Helm takes a missing folder for a repository's chart.
_NO_CHART = re.compile(r"repo \S+ not found")
_HINT = " Use --debug flag to render out invalid YAML"
_IN_PROGRESS = ("another operation", "name that is still in use")
_PENDING = 60.0  # seconds for which another installation may last
_INTERVAL = 2.0
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
    """Return the releases whose names match a pattern, in every state.

    Raises:
        UsageError: there are none, nor is there such a namespace.

    """
    arguments = ["list", "--namespace", namespace, "--filter", pattern, "--max", "0", *_STATES]
    listed = programs.ask("helm", arguments, list[ListedRelease])
    if not listed:
        check_namespace(namespace)
    return listed


def values(release: str, namespace: str) -> Values:
    """Return the values that a release was given; empty if it was given none."""
    output = programs.ask("helm", ["get", "values", release, "--namespace", namespace], object)
    return output if isinstance(output, dict) else {}


def install(artefact: Artefact, namespace: str, is_dry_run: bool) -> bool:
    """Install an artefact, unless it is installed already; return whether it was not.

    Raises:
        UsageError: another artefact is installed under this build's name, or the chart refuses the
            values.
        ServiceError: another installation of the build has not ended within 60 s.

    """
    if _is_installed(artefact, namespace):
        return False
    command = [artefact.release, str(artefact.path), "--namespace", namespace]
    dry_run = ["--dry-run=server"] if is_dry_run else []
    try:
        _upgrade([*command, "--description", artefact.description, *dry_run])
    except ServiceError as error:  # two commands at once: one is first
        is_second = any(words in str(error) for words in _IN_PROGRESS)
        if not is_second or not _is_installed(artefact, namespace):
            raise
        return False
    return True


def upgrade(
    release: str, chart: Path, namespace: str, changed: Mapping[str, object], description: str
) -> None:
    """Give a release new values, or install it with them."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(changed, file)
        file.flush()
        command = [release, str(chart), "--values", file.name, "--namespace", namespace]
        command += ["--description", description[:500], "--history-max", str(_REVISIONS)]
        _upgrade(command)


def uninstall(release: str, namespace: str) -> None:
    """Uninstall a release, and wait until its objects are gone."""
    programs.run("helm", ["uninstall", release, "--namespace", namespace, "--wait"])


def _upgrade(arguments: Sequence[str]) -> None:
    """Upgrade or install.

    Raises:
        UsageError: the chart refuses the values; with its sentence, without Helm's position.

    """
    try:
        programs.run("helm", ["upgrade", "--install", *arguments])
    except ServiceError as error:
        if refusal := _REFUSAL.search(str(error)):
            raise UsageError(refusal[1].removesuffix(_HINT)) from error
        if _NO_CHART.search(str(error)):
            chart = arguments[1]
            sentence = f"chart {chart} is not there: run this in a checkout, or use --routing-chart"
            raise UsageError(sentence) from error
        raise


def _is_installed(artefact: Artefact, namespace: str) -> bool:
    """Return whether this artefact is installed; wait while another command installs it."""
    release, until = artefact.release, time.monotonic() + _PENDING
    while releases(namespace, f"^{release}$"):
        history = ["history", release, "--namespace", namespace]
        latest = programs.ask("helm", history, list[Revision])[-1]
        if latest["status"] == "deployed":
            _refuse_another(artefact, latest)
            log.info("%s is already installed from this artefact", release)
            return True
        if not latest["status"].startswith("pending"):  # failed: Helm may try again
            return False
        if time.monotonic() >= until:
            raise ServiceError(
                f"{release} is {latest['status']}: another command installs it, or was killed; if "
                f"so, run `helm uninstall {release} --namespace {namespace}`, then deploy again"
            )
        time.sleep(_INTERVAL)
    return False


def _refuse_another(artefact: Artefact, latest: Revision) -> None:
    if latest["description"] != artefact.description:
        raise UsageError(
            f"{artefact.release} is installed from another artefact ({latest['description']}): "
            "a build never changes, use a new build number"
        )
