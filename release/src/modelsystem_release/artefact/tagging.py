"""The tag of a build in Git: its commit, and the SHA-256 of its artefact."""

from pathlib import Path

from modelsystem_release.artefact.artefact import Artefact
from modelsystem_release.artefact.origin import git
from modelsystem_shared.errors import UsageError


def tag(artefact: Artefact, repository: Path, remote: str | None, is_dry_run: bool) -> str:
    """Tag the commit of an artefact, unless it has this tag already, and return the tag's name.

    remote: where to push the tag.

    Raises:
        UsageError: the artefact names no commit, or the tag is that of another artefact.

    """
    name, message = f"build/{artefact.build}", f"Build {artefact.build}\n\n{artefact.description}"
    commit = artefact.origin.commit
    if not commit:
        raise UsageError(f"{artefact.path}: its annotations name no commit")
    existing = git(repository, "for-each-ref", "--format=%(contents)", f"refs/tags/{name}")
    if existing and existing.strip() != message:
        raise UsageError(f"tag {name} exists for another artefact: {existing.splitlines()}")
    if not is_dry_run:
        if not existing:
            git(repository, "tag", "-a", name, commit, "-m", message)
        if remote:
            git(repository, "push", remote, f"refs/tags/{name}")
    return name
