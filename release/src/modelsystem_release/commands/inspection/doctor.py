"""`release doctor`: says what is wrong with one build, and what to do about it.

It follows a night: Helm's release, claim, Secret, training, pods, waiter, site, route, metrics.
It prints what holds and stops at the first thing that does not. It changes nothing.
"""

import argparse

from modelsystem_release.commands.arguments import (
    Commands,
    Parser,
    add_place,
    command,
    routing,
    target,
)
from modelsystem_release.commands.output import show, table
from modelsystem_release.diagnosis import Examination, Finding, cure

MORE = """Exit code 0: everything holds, or the build is still on its way and nothing is wrong so
far. Else that of the fault: 3, the training failed; 4, the model or the route is not as it should
be; 5, Helm, the cluster, the site or the trainer's storage does not answer; 6, the cluster cannot
run a pod; 7, the site is not ready; 8, a rule of the gate is broken under traffic."""
_RUNBOOK = "docs/operations.md"


def add(commands: "Commands[Parser]") -> None:
    """Add the command."""
    parser = command(commands, "doctor", __doc__, MORE)
    parser.add_argument("build", metavar="BUILD")
    add_place(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Examine the build, print what each step shows, and raise the fault if there is one.

    Raises:
        ModelSystemError: the first thing that does not hold.

    """
    examination = Examination(target(arguments), arguments.build, routing(arguments))
    findings = [*examination.findings()]
    fault = findings[-1].fault
    action = cure(str(fault)) if fault else ""
    data = {
        "build": arguments.build,
        "exit_code": fault.exit_code if fault else 0,
        "steps": [
            {"step": f.step, "outcome": outcome(f), "sentence": f.sentence} for f in findings
        ],
        "fault": str(fault) if fault else None,
        "cure": action or None,
    }
    rows = [(outcome(finding), finding.step, finding.sentence) for finding in findings]
    show(arguments, data, f"{table(('', 'STEP', 'FINDING'), rows)}\n\n{_end(findings, action)}")
    if fault:
        raise fault


def outcome(finding: Finding) -> str:
    """Return a finding's outcome in one word."""
    if finding.fault:
        return "WRONG"
    if finding.is_unknown:
        return "unknown"
    return "not yet" if finding.is_waiting else "ok"


def _end(findings: list[Finding], action: str) -> str:
    if findings[-1].fault:
        return f"What to do: {action}." if action else f"What to do: see {_RUNBOOK}."
    if any(finding.is_waiting for finding in findings):
        return "Nothing is wrong so far."
    return "Everything holds."
