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
    trusted_keys,
)
from modelsystem_release.commands.output import show, table
from modelsystem_shared.errors import MismatchError


def add(commands: "Commands[Parser]") -> None:
    """Add the command."""
    parser = command(commands, "verify", __doc__)
    parser.add_argument("statement", type=Path, metavar="STATEMENT")
    parser.add_argument("build", metavar="BUILD|URL")
    parser.add_argument("--artefact", type=Path, metavar="FILE", help="check this one, too")
    parser.add_argument(
        "--trusted-keys",
        type=Path,
        metavar="PATH",
        help="a PEM file of public keys, or a folder of such files: one of them must have signed "
        "the statement, and one the model",
    )
    add_place(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Make all checks and print them: a chain from the signed statement to the traffic.

    Raises:
        MismatchError: the build differs from the statement, or the routes from the weights; the
            sentence names the link of the chain that broke first.

    """
    provenance = artefact.load_provenance(arguments.statement)
    trusted = trusted_keys(arguments.trusted_keys)
    built = artefact.read(arguments.artefact) if arguments.artefact else None
    place, build = target(arguments), arguments.build
    checks = judging.verify(provenance, place, build, built, trusted)
    if not is_url(build):
        checks += traffic.route_checks(routing(arguments), place, build)
    failed = [f"{check.name}: {check.reason}" for check in checks if not check.passed]
    data = {"verified": not failed, "checks": [vars(check) for check in checks]}
    rows = [("ok" if check.passed else "WRONG", check.name, check.reason) for check in checks]
    show(arguments, data, table(("", "CHECK", "REASON"), rows))
    if failed:
        raise MismatchError(f"{build} is not what its provenance says: {'; then '.join(failed)}")
