"""Where a build comes from: Git, and the pipeline's run as its variables tell of it."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from modelsystem_release.errors import UsageError

PREFIX = "modelsystem/"
_PULL_REQUEST = re.compile(r"^Merged PR (\d+)\b|^Merge pull request #?(\d+)\b")
_WORK_ITEM = re.compile(r"\bAB#(\d+)\b")


@dataclass(frozen=True)
class Origin:
    """All texts; empty where it is not known. Annotations of a chart hold nothing else."""

    commit: str = ""
    repository: str = ""
    branch: str = ""
    pull_request: str = ""
    work_items: str = ""
    run: str = ""
    run_url: str = ""
    reason: str = ""
    started_by: str = ""

    def annotations(self) -> dict[str, str]:
        """Return what is known as annotations of a chart."""
        told = {PREFIX + f.name.replace("_", "-"): getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in told.items() if value}


def of_annotations(annotations: Mapping[str, str]) -> Origin:
    """Return what a chart's annotations tell."""
    names = {f.name: PREFIX + f.name.replace("_", "-") for f in fields(Origin)}
    return Origin(**{name: annotations.get(key, "") for name, key in names.items()})


def of_run(environ: Mapping[str, str], folder: Path) -> Origin:
    """Ask Azure Pipelines' variables, else Git, in a folder of the clone.

    Raises:
        UsageError: there is neither.

    """
    commit = environ.get("BUILD_SOURCEVERSION") or git(folder, "rev-parse", "HEAD")
    message = git(folder, "log", "-1", "--format=%B", commit)
    merged = _PULL_REQUEST.search(message)
    number = next(filter(None, merged.groups()), "") if merged else ""
    return Origin(
        commit=commit,
        repository=_without_user(environ.get("BUILD_REPOSITORY_URI", "")),
        branch=environ.get("BUILD_SOURCEBRANCH", ""),
        pull_request=environ.get("SYSTEM_PULLREQUEST_PULLREQUESTID") or number,
        work_items=",".join(sorted(set(_WORK_ITEM.findall(message)), key=int)),
        run=environ.get("BUILD_BUILDID", ""),
        run_url=_run_url(environ),
        reason=environ.get("BUILD_REASON", ""),
        started_by=environ.get("BUILD_REQUESTEDFOR", ""),
    )


def git(folder: Path, *arguments: str) -> str:
    """Return what Git prints.

    Raises:
        UsageError: Git refuses, with its own reason.

    """
    try:
        done = subprocess.run(  # noqa: S603  # no shell; a program that people have on their PATH
            ["git", "-C", str(folder), *arguments],  # noqa: S607  # as above
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
    except (OSError, subprocess.SubprocessError) as error:
        told = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1:]
        raise UsageError(f"git {arguments[0]} in {folder}: {' '.join(told)}") from error
    return done.stdout.strip()


def _run_url(environ: Mapping[str, str]) -> str:
    place = environ.get("SYSTEM_COLLECTIONURI", "")
    project = environ.get("SYSTEM_TEAMPROJECT", "").replace(" ", "%20")
    run = environ.get("BUILD_BUILDID", "")
    return f"{place}{project}/_build/results?buildId={run}" if place and project and run else ""


def _without_user(url: str) -> str:
    """Azure Repos puts the organisation before an @, and a mistake puts a password there."""
    return re.sub(r"://[^/@]*@", "://", url)
