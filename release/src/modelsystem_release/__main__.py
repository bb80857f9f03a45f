"""From commit to traffic, in small commands: each has --help and can be used by hand."""

import argparse
import logging
import sys

from modelsystem_release.commands import (
    bucket,
    deploy,
    gate,
    package,
    provenance,
    prune,
    route,
    values,
    verify,
)
from modelsystem_shared import program

COMMANDS = (
    values.add, package.add, package.add_tag, deploy.add, gate.add, route.add, bucket.add,
    provenance.add, verify.add, prune.add,
)  # fmt: skip
ABOUT = """exit codes: 0 done; 1 unforeseen, or stopped; 2 arguments, values or artefact; 3 the
training failed; 4 something is not what it claims; 5 a program, the cluster or a site does not
answer; 6 the cluster cannot run it; 7 not ready in time; 8 the gate refuses; 9 rolled back.
docs/operations.md says what to do about each."""


def main() -> None:
    """Run the tool as a program."""
    chosen = parser().parse_args()
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="release: %(message)s", force=True
    )
    sys.exit(program.run(lambda: chosen.run(chosen), on_failure=lambda _error: None))


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    whole = argparse.ArgumentParser(
        prog="release",
        description=__doc__,
        epilog=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    for add in COMMANDS:
        add(commands)
    return whole


if __name__ == "__main__":
    main()
