"""`release package`: a chart with a build's values becomes one immutable artefact."""

import argparse
import os
from pathlib import Path

from modelsystem_release.artefact import archive, artefact, origin
from modelsystem_release.artefact.artefact import Artefact
from modelsystem_release.commands.arguments import Commands, Parser, command, show, table
from modelsystem_release.errors import UsageError
from modelsystem_release.values import masking
from modelsystem_shared import files

MORE = """examples:
  release package build/152 --into out      writes out/152.tar.gz
  release package helm/modelsystem --like last-year/152.tar.gz --into again

The same input gives the same bytes, on any machine. What made the build is taken from the
pipeline's variables and the Git clone that you are in, and kept as annotations of the chart."""


def add(commands: "Commands[Parser]") -> None:
    """Add the command."""
    parser = command(commands, "package", __doc__, MORE)
    parser.add_argument("chart", type=Path, metavar="CHART", help="its values are the build's")
    parser.add_argument("--into", type=Path, default=Path(), metavar="DIR")
    parser.add_argument(
        "--like",
        type=Path,
        metavar="ARTEFACT",
        help="make that artefact again: its values and origin with this chart",
    )
    parser.add_argument(
        "--allow-secret",
        action="append",
        default=[],
        metavar="PATH",
        help="keep this secret in clear, for example env.BLOB_STORAGE_KEY",
    )
    parser.add_argument("--dry-run", action="store_true", help="write nothing")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> None:
    """Write the artefact and print its SHA-256."""
    contents = archive.of_folder(chosen.chart)
    if chosen.like:
        like = artefact.read(chosen.like)
        annotations = {str(k): str(v) for k, v in (like.chart.get("annotations") or {}).items()}
        contents["values.yaml"] = like.contents["values.yaml"]
    else:
        annotations = origin.of_run(os.environ, Path()).annotations()
    refuse_secrets(artefact.mapping(contents, "values.yaml", chosen.chart), chosen.allow_secret)
    build, content = artefact.make(contents, annotations, chosen.chart)
    path = chosen.into / f"{build.replace('/', '-')}.tar.gz"
    if not chosen.dry_run:
        write(path, content)
    data = {"build": build, "file": str(path), "sha256": artefact.digest(content)}
    show(chosen.output == "json", data, table(("BUILD", "FILE", "SHA-256"), [[*data.values()]]))


def refuse_secrets(values: object, allowed: list[str]) -> None:
    """Refuse secrets in clear, but for those that are asked for by name.

    Raises:
        UsageError: naming them, never their values.

    """
    found = [".".join(path) for path in masking.found(values)]
    if wrong := [name for name in found if name not in allowed]:
        raise UsageError(
            f"in clear among the values: {', '.join(wrong)}; use workload identity or an existing "
            f"Secret, or say --allow-secret {wrong[0]}"
        )


def write(path: Path, content: bytes) -> None:
    """Write an artefact once.

    Raises:
        UsageError: another one of this build is there.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        files.write_new(path, content)
    except FileExistsError:
        if path.read_bytes() != content:
            raise UsageError(
                f"{path}: is there with other content; a build never changes"
            ) from None


def add_tag(commands: "Commands[Parser]") -> None:
    """Add the command that tags."""
    about = "`release tag`: marks the commit of a build in Git, with its artefact's SHA-256."
    parser = command(commands, "tag", about)
    parser.add_argument("artefact", type=Path, metavar="ARTEFACT")
    parser.add_argument("--repository", type=Path, default=Path(), metavar="DIR")
    parser.add_argument("--push", metavar="REMOTE", help="and push the tag there")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    parser.set_defaults(run=run_tag)


def run_tag(chosen: argparse.Namespace) -> None:
    """Make the tag, once."""
    found = artefact.read(chosen.artefact)
    name, message = f"build/{found.build}", _message(found)
    if not found.origin.commit:
        raise UsageError(f"{chosen.artefact}: does not say of which commit it is")
    standing = origin.git(
        chosen.repository, "for-each-ref", "--format=%(contents)", f"refs/tags/{name}"
    )
    if standing and standing.strip() != message:
        raise UsageError(f"tag {name} is there, and for another artefact: {standing.splitlines()}")
    if not chosen.dry_run:
        if not standing:
            arguments = ("tag", "-a", name, found.origin.commit, "-m", message)
            origin.git(chosen.repository, *arguments)
        if chosen.push:
            origin.git(chosen.repository, "push", chosen.push, f"refs/tags/{name}")
    data = {"tag": name, "commit": found.origin.commit, "sha256": found.sha256}
    show(chosen.output == "json", data, table(("TAG", "COMMIT", "SHA-256"), [[*data.values()]]))


def _message(found: Artefact) -> str:
    return f"Build {found.build}\n\nartefact {artefact.checksum(found)}"
