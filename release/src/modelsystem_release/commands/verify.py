"""`release verify`: checks a running build against its provenance, and what sends it requests."""

import argparse
from pathlib import Path

from modelsystem_release import artefact, judging, traffic
from modelsystem_release.cluster import is_url
from modelsystem_release.commands.arguments import (
    Commands,
    Parser,
    add_place,
    command,
    routing,
    target,
)
from modelsystem_release.commands.output import show, table
from modelsystem_shared.errors import MismatchError


def add(commands: "Commands[Parser]") -> None:
    """Add the command."""
    parser = command(commands, "verify", __doc__)
    parser.add_argument("statement", type=Path, metavar="STATEMENT")
    parser.add_argument("build", metavar="BUILD|URL")
    parser.add_argument("--artefact", type=Path, metavar="FILE", help="check this one, too")
    add_place(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Make all checks and print them.

    Raises:
        MismatchError: the build differs from the statement, or the routes from the weights.

    """
    statement = artefact.load_statement(arguments.statement)
    built = artefact.read(arguments.artefact) if arguments.artefact else None
    place, build = target(arguments), arguments.build
    checks = judging.verify(statement, place, build, built)
    if not is_url(build):
        checks += traffic.route_checks(routing(arguments), place, build)
    failed = [f"{check.name}: {check.reason}" for check in checks if not check.passed]
    data = {"verified": not failed, "checks": [vars(check) for check in checks]}
    rows = [("ok" if check.passed else "WRONG", check.name, check.reason) for check in checks]
    show(arguments, data, table(("", "CHECK", "REASON"), rows))
    if failed:
        raise MismatchError(f"{build} is not what its provenance says: {'; '.join(failed)}")
