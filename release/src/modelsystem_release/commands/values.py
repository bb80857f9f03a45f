"""`release values`: writes a build's settings into a chart's values."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from modelsystem_release.commands.arguments import Commands, Parser, command, show, table
from modelsystem_release.errors import UsageError
from modelsystem_release.values import assignments, masking, schema, yamlfile
from modelsystem_release.values.assignments import Assignment
from modelsystem_release.values.yamlfile import Document

EXAMPLE = r"""examples:
  release values --file values.yaml "build.number='152',image.tag='152',replicaCount=3"
  release values --chart helm/modelsystem --into build/152 --from-env env.BLOB_STORAGE_KEY=KEY ...

grammar: path='text', comma separated; escapes \/ \' \\ ; without quotes it is YAML."""


def add(commands: "Commands[Parser]") -> None:
    """Add the command."""
    parser = command(commands, "values", __doc__, EXAMPLE)
    parser.add_argument("assignments", nargs="*", metavar="ASSIGNMENTS")
    parser.add_argument("--file", type=Path, help="the file to edit, or to make")
    parser.add_argument("--chart", type=Path, metavar="DIR", help="a chart; it is not changed")
    parser.add_argument("--into", type=Path, metavar="DIR", help="where its edited copy goes")
    parser.add_argument("--stdin", action="store_true", help="read more from standard input")
    parser.add_argument(
        "--from-env",
        action="append",
        default=[],
        metavar="PATH=VARIABLE",
        help="take a string from an environment variable: a secret is no argument",
    )
    parser.add_argument("--allow-new", action="store_true", help="take keys the schema lacks")
    parser.add_argument("--brief", action="store_true", help="print only what was assigned")
    parser.add_argument("--dry-run", action="store_true", help="print the result, write nothing")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> None:
    """Edit the values and print them, masking masked."""
    wanted = read(chosen)
    source, target = _files(chosen)
    edited = yamlfile.load(source)
    edited.assign(wanted)
    if found := schema.beside(source):
        found.check(edited.plain(), [one.path for one in wanted], chosen.allow_new)
    if not chosen.dry_run:
        write(edited, target, chosen.chart)
    if chosen.brief:
        told = {one.name: masking.masked(one.value, one.path) for one in wanted}
        show(chosen.output == "json", told, table(("VALUE", ""), told.items()))
    else:
        show(chosen.output == "json", masking.masked(edited.plain()), _masked_text(edited))


def read(chosen: argparse.Namespace) -> list[Assignment]:
    """Return all assignments: arguments first, then standard input, then the environment."""
    texts = [*chosen.assignments, *([sys.stdin.read()] if chosen.stdin else [])]
    given = [one for text in texts for one in assignments.parse(text)]
    given += [assignments.from_environment(pair, os.environ) for pair in chosen.from_env]
    if not given:
        raise UsageError("nothing to assign: give assignments, --stdin or --from-env")
    return given


def write(edited: Document, target: Path, chart: Path | None) -> None:
    """Write the values, and around them a copy of the chart where one is given."""
    if chart:
        shutil.copytree(chart, target.parent)
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = target.stat().st_mode if target.exists() else None
    fresh = target.with_name(f".{target.name}.new")
    fresh.write_text(edited.text(), encoding="utf-8")
    if mode is not None:
        fresh.chmod(mode)
    fresh.replace(target)


def _files(chosen: argparse.Namespace) -> tuple[Path, Path]:
    """Return the file to read and the file to write."""
    if chosen.file and not chosen.chart and not chosen.into:
        return chosen.file, chosen.file
    if chosen.file or not chosen.chart or not chosen.into:
        raise UsageError("give --file FILE, or --chart DIR together with --into DIR")
    if not (chosen.chart / "Chart.yaml").is_file():
        raise UsageError(f"--chart {chosen.chart}: there is no Chart.yaml")
    if chosen.into.exists():
        raise UsageError(f"--into {chosen.into}: is there already; a build is never changed")
    return chosen.chart / "values.yaml", chosen.into / "values.yaml"


def _masked_text(edited: Document) -> str:
    shown = Document(edited.text())
    shown.assign(Assignment(path, masking.MASK) for path in masking.found(shown.values))
    return shown.text().rstrip("\n")
