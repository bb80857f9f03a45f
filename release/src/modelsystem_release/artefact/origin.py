"""Where a build comes from: Git, and the variables of the pipeline's run."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from modelsystem_shared.errors import UsageError

PREFIX = "modelsystem/"
_PULL_REQUEST = re.compile(r"^Merged PR (\d+)\b|^Merge pull request #?(\d+)\b")
_WORK_ITEM = re.compile(r"\bAB#(\d+)\b")


@dataclass(frozen=True)
class Origin:
    """Texts only, as in a chart's annotations; an unknown one is empty."""

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
        """Return the annotations of a chart; without those that are unknown."""
        texts = {key: getattr(self, name) for name, key in _KEYS.items()}
        return {key: text for key, text in texts.items() if text}


_KEYS = {f.name: PREFIX + f.name.replace("_", "-") for f in fields(Origin)}


def of_annotations(annotations: Mapping[str, str]) -> Origin:
    """Return the origin in a chart's annotations."""
    return Origin(**{name: annotations.get(key, "") for name, key in _KEYS.items()})


def of_run(environ: Mapping[str, str], folder: Path) -> Origin:
    """Return the origin by Azure Pipelines' variables, else by Git in a folder of the clone.

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


def builder_url(environ: Mapping[str, str]) -> str:
    """Return the URL of the pipeline that runs this; empty if none does."""
    project, pipeline = _project_url(environ), environ.get("SYSTEM_DEFINITIONID", "")
    return f"{project}/_build?definitionId={pipeline}" if project else ""


def git(folder: Path, *arguments: str) -> str:
    """Return the output of Git.

    Raises:
        UsageError: Git fails; the sentence has its last line.

    """
    try:
        done = subprocess.run(  # noqa: S603  # no shell; Git as found on PATH
            ["git", "-C", str(folder), *arguments],  # noqa: S607  # as above
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
    except (OSError, subprocess.SubprocessError) as error:
        lines = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        raise UsageError(f"git {arguments[0]} in {folder}: {' '.join(lines[-1:])}") from error
    return done.stdout.strip()


def _run_url(environ: Mapping[str, str]) -> str:
    project, run = _project_url(environ), environ.get("BUILD_BUILDID", "")
    return f"{project}/_build/results?buildId={run}" if project and run else ""


def _project_url(environ: Mapping[str, str]) -> str:
    collection = environ.get("SYSTEM_COLLECTIONURI", "")
    project = environ.get("SYSTEM_TEAMPROJECT", "").replace(" ", "%20")
    return f"{collection}{project}" if collection and project else ""


def _without_user(url: str) -> str:
    """Return a URL without user and password: Azure Repos puts the organisation there."""
    return re.sub(r"://[^/@]*@", "://", url)
