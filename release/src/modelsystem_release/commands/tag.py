"""`release tag`: marks the commit of a build in Git, with its artefact's SHA-256."""

import argparse
from pathlib import Path

from modelsystem_release import artefact
from modelsystem_release.commands.arguments import Commands, Parser, command
from modelsystem_release.commands.output import show, table


def add(commands: "Commands[Parser]") -> None:
    """Add the command."""
    parser = command(commands, "tag", __doc__)
    parser.add_argument("artefact", type=Path, metavar="ARTEFACT")
    parser.add_argument("--repository", type=Path, default=Path(), metavar="DIR")
    parser.add_argument("--push", metavar="REMOTE", help="and push the tag there")
    parser.add_argument("--dry-run", action="store_true", help="print the tag, make none")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Make the tag, and print it."""
    built = artefact.read(arguments.artefact)
    name = artefact.tag(built, arguments.repository, arguments.push, arguments.dry_run)
    data = {"tag": name, "commit": built.origin.commit, "sha256": built.sha256}
    show(arguments, data, table(("TAG", "COMMIT", "SHA-256"), [[*data.values()]]))
