"""Takes a build, one Helm chart with all its settings and a number, from a commit to traffic.

`values` and `package` make it, `deploy` installs it and waits for its site, `gate` compares it
with the build that serves now, and `route` moves the traffic to it, step by step.
"""

import argparse

from modelsystem_release.commands import COMMANDS
from modelsystem_shared import program

EXIT_CODES = """exit codes: 0 done; 1 unexpected error, or stopped; 2 wrong arguments, values or
artefact; 3 the training failed; 4 a build is not what its provenance says; 5 a program, the
cluster or a site does not answer; 6 the cluster cannot run the build; 7 not ready in time;
8 refused by the gate; 9 promotion rolled back. docs/operations.md says what to do about each."""


def main() -> None:
    """Run the tool as a program."""
    arguments = parser().parse_args()
    program.main_of_tool("release", lambda: arguments.run(arguments))


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    tool = argparse.ArgumentParser(
        prog="release",
        description=__doc__,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = tool.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return tool


if __name__ == "__main__":
    main()
