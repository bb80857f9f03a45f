"""`release route`: moves traffic between builds, and nothing else."""

import argparse
import re
from pathlib import Path

from modelsystem_release.cluster.target import Namespace
from modelsystem_release.commands.arguments import Commands, Parser, command, show, table
from modelsystem_release.errors import UsageError
from modelsystem_release.judging import rules
from modelsystem_release.traffic import routing as weights
from modelsystem_release.traffic.promotion import Promotion, shared
from modelsystem_release.traffic.routing import Change, Routing, Weights, new_id, now, text, whoever
from modelsystem_release.values.yamlfile import load

_PAIR = re.compile(r"([^=]+)=(\d{1,3})")
_DURATION = re.compile(r"(\d+)([smh]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
MORE = """examples:
  release route show
  release route set 152=90 153=10 --why "a first look"
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
    promote.add_argument("--hold", default="10m", help="of each step, such as 30s or 10m")
    promote.add_argument("--every", default="10s", help="between two looks (default 10s)")
    promote.add_argument("--rules", type=Path, metavar="FILE", help="as for `release gate`")
    promote.set_defaults(run=run_promote)
    _action(actions, "rollback", "undo the last change").set_defaults(run=run_rollback)


def _action(actions: "Commands[Parser]", name: str, about: str) -> Parser:
    parser: Parser = actions.add_parser(name, help=about, description=about)
    parser.add_argument("--output", choices=("table", "json"), default="table")
    weights.add_place(parser)
    if name != "show":
        parser.add_argument("--values", type=Path, metavar="FILE", help="of a first installation")
        parser.add_argument("--why", default="", help="is recorded")
        parser.add_argument("--dry-run", action="store_true", help="say what would be changed")
    return parser


def run_show(chosen: argparse.Namespace) -> None:
    """Print weights and changes."""
    routing = weights.store(chosen)
    shares, changes = routing.weights(), routing.changes()
    data = {"weights": shares, "changes": [vars(change) for change in changes]}
    rows = [
        [one.at, one.action, one.by, text(one.before), text(one.after), one.why] for one in changes
    ]
    told = table(("BUILD", "WEIGHT"), [[build, f"{share} %"] for build, share in shares.items()])
    history = table(("WHEN", "WHAT", "WHO", "FROM", "TO", "WHY"), rows)
    show(chosen.output == "json", data, f"{told}\n\n{history}")


def run_set(chosen: argparse.Namespace) -> None:
    """Set the weights.

    Raises:
        UsageError: they do not add up to 100, or a build is not ready.

    """
    routing, before = _routing(chosen)
    _apply(
        chosen,
        routing,
        Change(new_id(), "set", whoever(), now(), before, _pairs(chosen), chosen.why),
    )


def run_promote(chosen: argparse.Namespace) -> None:
    """Promote a build."""
    routing, before = _routing(chosen)
    wanted = Promotion(
        chosen.build,
        _steps(chosen.steps),
        _duration(chosen.hold),
        _duration(chosen.every),
        rules.load(chosen.rules),
        chosen.why,
    )
    if routing.values().get("provider") == "service" and [*wanted.steps] != [100]:
        raise UsageError("provider service cannot split traffic: say --steps 100")
    needed = routing.needed()
    plan = [shared(before, chosen.build, share, needed.keys()) for share in wanted.steps]
    if not chosen.dry_run:
        wanted.run(routing, _space(chosen))
    rows = [[number, text(one)] for number, one in enumerate(plan, 1)]
    show(chosen.output == "json", {"from": before, "steps": plan}, table(("STEP", "WEIGHTS"), rows))


def run_rollback(chosen: argparse.Namespace) -> None:
    """Go back to the weights before the latest change that is not undone yet.

    Raises:
        UsageError: there is none.

    """
    routing, before = _routing(chosen)
    target = undone(routing)
    action = f"roll back {target.id}"
    _apply(
        chosen,
        routing,
        Change(target.id, action, whoever(), now(), before, target.before, chosen.why),
    )


def undone(routing: Routing) -> Change:
    """Return the first step of the latest change that has not been undone yet.

    Raises:
        UsageError: there is none.

    """
    back: set[str] = set()
    latest: Change | None = None
    for change in routing.changes():  # the newest first
        if change.action.startswith("roll back"):
            back.add(change.id)
        elif change.id not in back and (latest is None or change.id == latest.id):
            latest = change
    if latest is None or not latest.before:
        raise UsageError("there is no change that could be rolled back")
    return latest


def _apply(chosen: argparse.Namespace, routing: Routing, change: Change) -> None:
    space = _space(chosen)
    waiting = [b for b, share in change.after.items() if share and not space.is_ready(b)]
    if waiting:
        raise UsageError(f"not ready, so it gets no traffic: build {', '.join(waiting)}")
    if not chosen.dry_run:
        routing.move(change)
    data = {"from": change.before, "to": change.after, "changed": not chosen.dry_run}
    rows = [[text(change.before), text(change.after), change.by, change.why]]
    show(chosen.output == "json", data, table(("FROM", "TO", "WHO", "WHY"), rows))


def _routing(chosen: argparse.Namespace) -> tuple[Routing, Weights]:
    base = load(chosen.values).plain() if chosen.values else {}
    routing = weights.store(chosen, base)
    return routing, routing.weights()


def _space(chosen: argparse.Namespace) -> Namespace:
    return Namespace(chosen.namespace, chosen.tenant, weights.sites(chosen))


def _pairs(chosen: argparse.Namespace) -> Weights:
    found = [_PAIR.fullmatch(pair) for pair in chosen.pairs]
    if wrong := [pair for pair, match in zip(chosen.pairs, found, strict=True) if not match]:
        raise UsageError(f"{wrong[0]}: write BUILD=PERCENT, for example 152=90")
    pairs = [(match[1], int(match[2])) for match in found if match]
    if len(dict(pairs)) < len(pairs):
        raise UsageError("a build is named twice")
    if (total := sum(share for _, share in pairs)) != 100:
        raise UsageError(f"the weights add up to {total}: make them 100 in all")
    return dict(pairs)


def _steps(given: str) -> list[int]:
    steps = [int(step) for step in given.split(",") if step.strip().isdigit()]
    if len(steps) != given.count(",") + 1 or steps != sorted(set(steps)) or not steps:
        raise UsageError(f"--steps {given}: write rising numbers with commas, such as 5,25,50,100")
    if steps[0] < 1 or steps[-1] > 100:
        raise UsageError(f"--steps {given}: shares are from 1 to 100 per cent")
    return steps


def _duration(given: str) -> float:
    match = _DURATION.fullmatch(given)
    if not match:
        raise UsageError(f"{given!r} is no duration: write 30s, 10m or 1h")
    return float(int(match[1]) * _SECONDS[match[2]])
