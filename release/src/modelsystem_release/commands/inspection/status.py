"""`release status`: shows all builds of a namespace in one table.

It reads Helm's releases, the cluster, the routing and the sites, and changes nothing.
"""

import argparse
import json
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from modelsystem_release.commands.arguments import Commands, Parser, command
from modelsystem_release.commands.output import show, table
from modelsystem_release.diagnosis import BuildStatus, Limits, Overview, State
from modelsystem_shared.errors import ServiceError

log = logging.getLogger(__name__)
MORE = """STATE says how a build is; docs/operations.md explains each. TRAFFIC: its weight. SCORE:
NDCG@20 on its own test data. GATE: the latest verdict of `release gate`. REQUESTS, ERRORS: what
its pods have counted during --over, and with --watch in the last five minutes; an error is a
status from 500. PRUNE: why `release prune` keeps it, by --keep and --days. Below the table: what
is wrong, and what could not be read."""
_WINDOW = 300.0  # seconds that --watch looks back
_CLEAR = "\x1b[H\x1b[2J"


def add(commands: "Commands[Parser]") -> None:
    """Add the command."""
    parser = command(commands, "status", __doc__, MORE)
    parser.add_argument("--namespace", default="default", metavar="N")
    parser.add_argument("--tenant", help="only the builds of this one; '' for those without one")
    parser.add_argument("--keep", type=int, default=10, metavar="N", help="as for `release prune`")
    parser.add_argument("--days", type=float, default=7, metavar="N", help="as for `release prune`")
    parser.add_argument(
        "--over",
        type=float,
        default=5,
        metavar="SECONDS",
        help="count requests for so long; 0 for not at all (default 5)",
    )
    parser.add_argument(
        "--watch",
        type=float,
        nargs="?",
        const=10,
        metavar="SECONDS",
        help="look again and again, every 10 s or as often as this; JSON is then one line a look",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Show the builds once, or again and again.

    Raises:
        ServiceError: Helm or the cluster does not answer; with --watch it is asked again.

    """
    limits = Limits(arguments.keep, arguments.days)
    overview = Overview(arguments.namespace, arguments.tenant, limits, _WINDOW)
    if arguments.watch is not None:
        _watch(arguments, overview)
    statuses = overview.look()
    if arguments.over and any(status.facts for status in statuses):
        log.info("counting requests for %g s", arguments.over)
        time.sleep(arguments.over)
        statuses = overview.look()
    show(arguments, as_json(statuses), as_text(statuses, arguments.namespace))


def _watch(arguments: argparse.Namespace, overview: Overview) -> None:
    """Show the builds until the command is stopped."""
    while True:
        began = time.monotonic()
        try:
            statuses = overview.look()
        except ServiceError as error:
            log.warning("%s; trying again", error)
        else:
            _show_again(arguments, statuses)
        time.sleep(max(arguments.watch - (time.monotonic() - began), 0.2))


def _show_again(arguments: argparse.Namespace, statuses: Sequence[BuildStatus]) -> None:
    if arguments.output == "json":
        print(json.dumps(as_json(statuses), ensure_ascii=False), flush=True)
        return
    clear = _CLEAR if sys.stdout.isatty() else ""
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    print(f"{clear}{now}\n{as_text(statuses, arguments.namespace)}\n", flush=True)


def as_json(statuses: Sequence[BuildStatus]) -> dict[str, object]:
    """Return all builds for programs."""
    return {
        "builds": [
            asdict(status)
            | {
                "installed": status.installed.isoformat(),
                "can_be_pruned": status.stays == "",
                "doctor": f"release doctor {status.number}" if _is_wrong(status) else None,
            }
            for status in statuses
        ]
    }


def as_text(statuses: Sequence[BuildStatus], namespace: str) -> str:
    """Return the table, and below it what is wrong."""
    if not statuses:
        return f"no build is installed in namespace {namespace}"
    columns = {name: [cell(status) for status in statuses] for name, cell in _COLUMNS.items()}
    kept = {name: cells for name, cells in columns.items() if any(cells) or name in _ALWAYS}
    rows = [*zip(*kept.values(), strict=True)]
    notes = [note for status in statuses for note in _notes(status)]
    return "\n".join([table([*kept], rows), *([""] if notes else []), *notes])


def _notes(status: BuildStatus) -> Iterator[str]:
    """Yield what is wrong with a build, and what could not be read of it."""
    if _is_wrong(status):
        yield f"{status.number}: {status.condition.sentence}"
    if status.gate and not status.gate.passed:
        yield f"{status.number}: the gate refused it: {status.gate.reason}"
    for sentence in status.facts.broken_rules if status.facts else ():
        yield f"{status.number}: data: {sentence}"
    yield from (f"{status.number}: {note}" for note in status.notes)


def _is_wrong(status: BuildStatus) -> bool:
    return status.condition.state not in (State.READY, State.TRAINING)


def _state(status: BuildStatus) -> str:
    is_training = status.condition.state is State.TRAINING
    progress = status.condition.sentence.partition(" (")[0]
    return f"training: {progress}" if is_training else str(status.condition.state)


def _age(status: BuildStatus) -> str:
    age = datetime.now(UTC) - status.installed
    if age < timedelta(hours=1):
        return f"{age.seconds // 60} min"
    return f"{age.seconds // 3600} h" if age < timedelta(days=1) else f"{age.days} d"


def _score(status: BuildStatus) -> str:
    score = status.facts.score if status.facts else None
    return "" if score is None else f"{score:.4f}"


def _gate(status: BuildStatus) -> str:
    if not status.gate:
        return ""
    return "passed" if status.gate.passed else "refused"


def _rows(status: BuildStatus) -> str:
    rows = status.facts.rows if status.facts else None
    return "" if rows is None else f"{rows:,}"


def _requests(status: BuildStatus) -> str:
    return f"{status.recent.per_second:.1f}/s" if status.recent else ""


def _errors(status: BuildStatus) -> str:
    return f"{status.recent.error_rate:.2%}" if status.recent else ""


def _prune(status: BuildStatus) -> str:
    return "unknown" if status.stays is None else status.stays or "can be pruned"


_ALWAYS = ("BUILD", "STATE", "TRAFFIC")
_COLUMNS = {
    "BUILD": lambda status: status.number,
    "TENANT": lambda status: status.tenant,
    "STATE": _state,
    "TRAFFIC": lambda status: str(status.share),
    "AGE": _age,
    "SCORE": _score,
    "GATE": _gate,
    "ROWS": _rows,
    "LAST DAY": lambda status: (status.facts.last_day or "") if status.facts else "",
    "MODEL": lambda status: f"{status.facts.size / 1e6:,.1f} MB" if status.facts else "",
    "PODS": lambda status: f"{status.pods_ready}/{status.pods}",
    "REQUESTS": _requests,
    "ERRORS": _errors,
    "PRUNE": _prune,
}
