"""`release package`: makes one immutable artefact of a chart with a build's values."""

import argparse
import os
from pathlib import Path

from modelsystem_release import artefact
from modelsystem_release.commands.arguments import Commands, Parser, command
from modelsystem_release.commands.output import show, table

MORE = """examples:
  release package build/152 --into out      writes out/152.tar.gz
  release package helm/modelsystem --like last-year/152.tar.gz --into again

The same input gives the same bytes on any machine. The origin of the build is read from the
pipeline's variables and the Git clone around the current folder, and kept as annotations of the
chart."""


def add(commands: "Commands[Parser]") -> None:
    """Add the command."""
    parser = command(commands, "package", __doc__, MORE)
    parser.add_argument("chart", type=Path, metavar="CHART", help="with the build's values")
    parser.add_argument("--into", type=Path, default=Path(), metavar="DIR")
    parser.add_argument(
        "--like",
        type=Path,
        metavar="ARTEFACT",
        help="make this artefact again: its values and origin with the chart",
    )
    parser.add_argument(
        "--allow-secret",
        action="append",
        default=[],
        metavar="PATH",
        help="allow this secret among the values, for example env.BLOB_STORAGE_KEY",
    )
    parser.add_argument("--dry-run", action="store_true", help="write nothing")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Write the artefact and print its SHA-256."""
    made = artefact.package(arguments.chart, arguments.like, os.environ, arguments.allow_secret)
    path = arguments.into / made.file_name
    if not arguments.dry_run:
        artefact.write(made, arguments.into)
    data = {"build": made.build, "file": str(path), "sha256": made.sha256}
    show(arguments, data, table(("BUILD", "FILE", "SHA-256"), [[*data.values()]]))
