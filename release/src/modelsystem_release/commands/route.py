"""`release route`: moves traffic between builds."""

import argparse
import logging
import re
from pathlib import Path

from modelsystem_release import cluster, values
from modelsystem_release.cluster import Reference
from modelsystem_release.commands.arguments import (
    Commands,
    Parser,
    add_output,
    add_place,
    command,
    routing,
    target,
)
from modelsystem_release.commands.output import show, table
from modelsystem_release.judging import load_rules
from modelsystem_release.traffic import (
    Change,
    Promotion,
    Routing,
    Weights,
    as_text,
    new_change,
    route_faults,
)
from modelsystem_shared.errors import ServiceError, UsageError

log = logging.getLogger(__name__)
_PAIR = re.compile(r"([^=]+)=(\d{1,3})")
_DURATION = re.compile(r"(\d+)([smh]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
MORE = """examples:
  release route show
  release route set 152=90 153=10 --why "first test"
  release route promote 153 --steps 5,25,50,100 --hold 10m --rules gate.yaml
  release route rollback --why "complaints"

Every change is recorded on the route (annotation modelsystem/changes) and in `helm history`."""


def add(commands: "Commands[Parser]") -> None:
    """Add the commands."""
    parser = command(commands, "route", __doc__, MORE)
    actions = parser.add_subparsers(required=True, metavar="show|set|promote|rollback")
    _action(actions, "show", "show weights and changes").set_defaults(run=run_show)
    setting = _action(actions, "set", "set the weights")
    setting.add_argument("pairs", nargs="+", metavar="BUILD=PERCENT")
    setting.set_defaults(run=run_set)
    promote = _action(actions, "promote", "move traffic to a build step by step")
    promote.add_argument("build", metavar="BUILD")
    promote.add_argument("--steps", default="5,25,50,100", help="per cent (default 5,25,50,100)")
    promote.add_argument("--hold", default="10m", help="time of each step, such as 30s or 10m")
    promote.add_argument("--every", default="10s", help="time between checks (default 10s)")
    promote.add_argument("--rules", type=Path, metavar="FILE", help="as for `release gate`")
    promote.set_defaults(run=run_promote)
    _action(actions, "rollback", "undo the last change").set_defaults(run=run_rollback)


def _action(actions: "Commands[Parser]", name: str, about: str) -> Parser:
    parser: Parser = actions.add_parser(name, help=about, description=about)
    add_output(parser)
    add_place(parser)
    if name != "show":
        parser.add_argument("--values", type=Path, metavar="FILE", help="of a first installation")
        parser.add_argument("--why", default="", help="recorded with the change")
        parser.add_argument("--dry-run", action="store_true", help="print it, change nothing")
    return parser


def run_show(arguments: argparse.Namespace) -> None:
    """Print weights and changes."""
    current = routing(arguments)
    shares, changes = current.weights(), current.changes()
    data = {"weights": shares, "changes": [vars(change) for change in changes]}
    rows = [[c.at, c.action, c.by, as_text(c.before), as_text(c.after), c.why] for c in changes]
    weights = table(("BUILD", "WEIGHT"), [[build, f"{share} %"] for build, share in shares.items()])
    history = table(("WHEN", "ACTION", "BY", "FROM", "TO", "WHY"), rows)
    others = _other_references(arguments, current)
    data["others"] = [vars(reference) for reference in others]
    names = [(reference.release, reference.source) for reference in others]
    outside = table(("RELEASE", "ALSO GETS REQUESTS FROM"), names)
    show(arguments, data, "\n\n".join([weights, history, *([outside] if others else [])]))


def run_set(arguments: argparse.Namespace) -> None:
    """Set the weights.

    Raises:
        UsageError: they do not add up to 100, or a build is not ready.

    """
    current = _routing(arguments)
    change = new_change("set", current.weights(), _weights(arguments.pairs), arguments.why)
    _apply(arguments, current, change)


def run_promote(arguments: argparse.Namespace) -> None:
    """Promote a build."""
    current = _routing(arguments)
    promotion = Promotion(
        arguments.build,
        _steps(arguments.steps),
        _seconds(arguments.hold),
        _seconds(arguments.every),
        load_rules(arguments.rules),
        arguments.why,
    )
    before = current.weights()
    plan = promotion.plan(current, before)
    if begun := current.unfinished():
        log.warning(
            "%s of %s, begun by %s, was not finished: if it still runs, it stops at its next step",
            begun.action, begun.at, begun.by,
        )  # fmt: skip
    _warn_of_kept_connections(current)
    for reference in _other_references(arguments, current):
        log.warning(
            "%s also gets requests from %s, whose weights stay as they are",
            reference.release, reference.source,
        )  # fmt: skip
    if not arguments.dry_run:
        promotion.run(current, target(arguments))
    rows = [[number, as_text(weights)] for number, weights in enumerate(plan, 1)]
    show(arguments, {"from": before, "steps": plan}, table(("STEP", "WEIGHTS"), rows))


def run_rollback(arguments: argparse.Namespace) -> None:
    """Restore the weights before the latest change that was not rolled back.

    Raises:
        UsageError: there is none.

    """
    current = _routing(arguments)
    last = current.last_change()
    change = new_change(
        f"roll back {last.id}", current.weights(), last.before, arguments.why, last.id
    )
    _apply(arguments, current, change)


def _apply(arguments: argparse.Namespace, current: Routing, change: Change) -> None:
    place = target(arguments)
    unready = [b for b, share in change.after.items() if share and not place.is_ready(b)]
    if unready:
        raise UsageError(f"not ready, so without traffic: build {', '.join(unready)}")
    _warn_of_kept_connections(current)
    if not arguments.dry_run:
        current.move(change)
    data = {"from": change.before, "to": change.after, "changed": not arguments.dry_run}
    rows = [[as_text(change.before), as_text(change.after), change.by, change.why]]
    show(arguments, data, table(("FROM", "TO", "BY", "WHY"), rows))
    if not arguments.dry_run and (faults := route_faults(current, place)):
        raise ServiceError(f"the weights are set, but {'; '.join(faults)}")


def _warn_of_kept_connections(current: Routing) -> None:
    if not current.can_split:
        log.warning(
            "provider service moves new connections only: "
            "clients that keep a connection stay with their build until it is closed"
        )


def _other_references(arguments: argparse.Namespace, current: Routing) -> list[Reference]:
    """Return what else in the namespace sends requests to builds; nothing beside a file."""
    if not current.release:
        return []
    try:
        references = cluster.references(target(arguments))
    except ServiceError as error:
        log.warning("other routes cannot be read: %s", error)
        return []
    return [reference for reference in references if reference.owner != current.release]


def _routing(arguments: argparse.Namespace) -> Routing:
    """Return the weights; a first installation gets the values of --values."""
    return routing(arguments, values.load(arguments.values).plain() if arguments.values else {})


def _weights(pairs: list[str]) -> Weights:
    """Read `BUILD=PERCENT` of each build."""
    matches = [_PAIR.fullmatch(pair) for pair in pairs]
    if malformed := [pair for pair, match in zip(pairs, matches, strict=True) if not match]:
        raise UsageError(f"{malformed[0]}: write BUILD=PERCENT, for example 152=90")
    shares = [(match[1], int(match[2])) for match in matches if match]
    if len(dict(shares)) < len(shares):
        raise UsageError("a build is named twice")
    if (total := sum(share for _, share in shares)) != 100:
        raise UsageError(f"the weights add up to {total}, not to 100")
    return dict(shares)


def _steps(text: str) -> list[int]:
    """Read rising per cents with commas between them."""
    steps = [int(step) for step in text.split(",") if step.strip().isdigit()]
    if len(steps) != text.count(",") + 1 or steps != sorted(set(steps)) or not steps:
        raise UsageError(f"--steps {text}: write rising numbers with commas, such as 5,25,50,100")
    if steps[0] < 1 or steps[-1] > 100:
        raise UsageError(f"--steps {text}: each must be from 1 to 100 per cent")
    return steps


def _seconds(text: str) -> float:
    """Read a duration such as 30s, 10m or 1h."""
    match = _DURATION.fullmatch(text)
    if not match:
        raise UsageError(f"{text!r} is not a duration: write 30s, 10m or 1h")
    return float(int(match[1]) * _SECONDS[match[2]])
