"""`release values`: writes a build's settings into a chart's values."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from modelsystem_release.commands.arguments import Commands, Parser, command
from modelsystem_release.commands.output import show, table
from modelsystem_release.values import (
    MASK,
    Assignment,
    Document,
    from_environment,
    load,
    masked,
    masked_value,
    parse_assignments,
    schema_beside,
    secret_paths,
)
from modelsystem_shared.errors import UsageError

EXAMPLE = r"""examples:
  release values --file values.yaml "build.number='152',image.tag='152',replicaCount=3"
  release values --chart helm/modelsystem --into build/152 --from-env env.BLOB_STORAGE_KEY=KEY ...

grammar: path='text', separated by commas; escapes \/ \' \\ ; a value without quotes is YAML."""


def add(commands: "Commands[Parser]") -> None:
    """Add the command."""
    parser = command(commands, "values", __doc__, EXAMPLE)
    parser.add_argument("assignments", nargs="*", metavar="ASSIGNMENTS")
    parser.add_argument("--file", type=Path, help="the values file to edit, or to create")
    parser.add_argument("--chart", type=Path, metavar="DIR", help="a chart; it is not changed")
    parser.add_argument("--into", type=Path, metavar="DIR", help="a new folder for its edited copy")
    parser.add_argument("--stdin", action="store_true", help="read more from standard input")
    parser.add_argument(
        "--from-env",
        action="append",
        default=[],
        metavar="PATH=VARIABLE",
        help="read a string from an environment variable: for secrets",
    )
    parser.add_argument(
        "--allow-new", action="store_true", help="accept keys that are not in the schema"
    )
    parser.add_argument("--brief", action="store_true", help="print only what was assigned")
    parser.add_argument("--dry-run", action="store_true", help="print the result, write nothing")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Edit the values and print them, with secrets masked."""
    assignments = read(arguments)
    source, destination = _files(arguments)
    document = load(source)
    document.assign(assignments)
    if schema := schema_beside(source):
        paths = [assignment.path for assignment in assignments]
        schema.check(document.plain(), paths, arguments.allow_new)
    if not arguments.dry_run:
        write(document, destination, arguments.chart)
    if arguments.brief:
        assigned = {a.name: masked_value(a.value, a.path) for a in assignments}
        show(arguments, assigned, table(("VALUE", ""), assigned.items()))
    else:
        show(arguments, masked(document.plain()), _masked_text(document))


def read(arguments: argparse.Namespace) -> list[Assignment]:
    """Return all assignments: arguments first, then standard input, then the environment."""
    texts = [*arguments.assignments, *([sys.stdin.read()] if arguments.stdin else [])]
    assignments = [assignment for text in texts for assignment in parse_assignments(text)]
    assignments += [from_environment(pair, os.environ) for pair in arguments.from_env]
    if not assignments:
        raise UsageError("nothing to assign: give assignments, --stdin or --from-env")
    return assignments


def write(document: Document, path: Path, chart: Path | None) -> None:
    """Write the values; with `chart`, into a copy of it."""
    if chart:
        shutil.copytree(chart, path.parent)
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode if path.exists() else None
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(document.text(), encoding="utf-8")
    if mode is not None:
        fresh.chmod(mode)
    fresh.replace(path)


def _files(arguments: argparse.Namespace) -> tuple[Path, Path]:
    """Return the file to read and the file to write."""
    if arguments.file and not arguments.chart and not arguments.into:
        return arguments.file, arguments.file
    if arguments.file or not arguments.chart or not arguments.into:
        raise UsageError("give --file FILE, or --chart DIR together with --into DIR")
    if not (arguments.chart / "Chart.yaml").is_file():
        raise UsageError(f"--chart {arguments.chart}: it has no Chart.yaml")
    if arguments.into.exists():
        raise UsageError(f"--into {arguments.into} exists: a build never changes")
    return arguments.chart / "values.yaml", arguments.into / "values.yaml"


def _masked_text(document: Document) -> str:
    copy = Document(document.text())
    copy.assign(Assignment(path, MASK) for path in secret_paths(copy.values))
    return copy.text().rstrip("\n")
