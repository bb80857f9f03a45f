"""`release gate`: compares a build's site with the champion's before it gets traffic.

Both are asked the same questions, about users of whom no build has learned. The verdict is recorded
on the candidate's Deployment, where `release status` reads it.
"""

import argparse
import contextlib
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from modelsystem_release import registry
from modelsystem_release.cluster import Target
from modelsystem_release.commands.arguments import (
    Commands,
    Parser,
    add_place,
    command,
    routing,
    target,
)
from modelsystem_release.commands.output import show, table, write_json
from modelsystem_release.errors import GateError
from modelsystem_release.judging import (
    GATE,
    NOVELTY,
    QUALITIES,
    RULES_HELP,
    Check,
    Comparison,
    GateRecord,
    SiteFigures,
    compare,
    judge,
    load_rules,
    write_junit,
)
from modelsystem_shared import parsers
from modelsystem_shared.errors import ModelSystemError, ServiceError
from modelsystem_shared.profile import rows_of_figures
from modelsystem_shared.telemetry import pushgateway
from modelsystem_shared.telemetry.pushgateway import Gauge

log = logging.getLogger(__name__)
_MEANS = (*QUALITIES, NOVELTY)  # over questions
_UNKNOWN = "-"
MORE = f"""BUILD is a number, reached by port-forward, or the URL of its site. The default champion
is the build with most of the traffic; `none` is for a first release.

A file of rules; a key that it leaves out has this default:

{RULES_HELP}"""


def add(commands: "Commands[Parser]") -> None:
    """Add the command."""
    parser = command(commands, "gate", __doc__, MORE)
    parser.add_argument("candidate", metavar="BUILD|URL")
    parser.add_argument("--champion", default="auto", metavar="BUILD|URL|auto|none")
    parser.add_argument("--rules", type=Path, metavar="FILE")
    parser.add_argument("--questions", type=int, default=5000, metavar="N", help="at most")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write figures and verdict there")
    parser.add_argument(
        "--pushgateway",
        type=parsers.url,
        default=os.environ.get("PUSHGATEWAY_URL"),
        metavar="URL",
        help="push the verdict there, for alerts (default: PUSHGATEWAY_URL)",
    )
    parser.add_argument(
        "--mlflow",
        default=os.environ.get("MLFLOW_TRACKING_URI"),
        metavar="URI",
        help="write the build and its verdict there (default: MLFLOW_TRACKING_URI)",
    )
    add_place(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Compare, judge, and show the verdict.

    Raises:
        GateError: a rule is broken, or the candidate cannot be judged.

    """
    try:
        build, broken = _judge(arguments)
    except GateError:
        _push(arguments, arguments.candidate, "0")
        raise
    _push(arguments, build, "0" if broken else "1")
    if broken:
        raise GateError(f"build {build} is refused: {broken}")


def _judge(arguments: argparse.Namespace) -> tuple[str, str]:
    """Show the verdict; return the build, and a sentence about the rules that it breaks."""
    rules = load_rules(arguments.rules)
    place, champion = target(arguments), _champion(arguments)
    comparison = _compare(place, arguments.candidate, champion, arguments.questions)
    checks = judge(comparison, rules)
    data = report(comparison, checks, rules.confidence)
    build = comparison.candidate.build
    _record(place, arguments.candidate, GateRecord.new(checks, champion))
    if arguments.mlflow:
        _register(arguments, place, data)
    if arguments.junit:
        write_junit(arguments.junit, f"gate of build {build}", checks)
    if arguments.json:
        write_json(arguments.json, data)
    tables = [_figures_table(comparison), *_data_table(comparison), _verdict_table(checks)]
    show(arguments, data, "\n\n".join(tables))
    broken = "; ".join(f"{c.name}: {c.reason}" for c in checks if not c.passed)
    return build or arguments.candidate, broken


def _register(arguments: argparse.Namespace, place: Target, verdict: dict[str, object]) -> None:
    """Write the build into MLflow; a fault is only logged, and changes no verdict."""
    try:
        with place.site(arguments.candidate) as site:
            entry = registry.entry(site.manifest(), verdict)
        log.info("MLflow: run %s", registry.write(arguments.mlflow, entry))
    except ModelSystemError as error:
        log.warning("%s", error)


def _push(arguments: argparse.Namespace, build: str, passed: str) -> None:
    if arguments.pushgateway:
        gauge = Gauge(
            "modelsystem_gate_passed", "1 if the gate let the build pass, else 0.", passed
        )
        labels = {"namespace": arguments.namespace, "build": build, "tenant": arguments.tenant}
        pushgateway.push(arguments.pushgateway, labels, [gauge])


def report(comparison: Comparison, checks: Sequence[Check], rate: float) -> dict[str, object]:
    """Return figures and verdict for JSON; `rate`: of the intervals."""
    champion = comparison.champion
    return {
        "passed": all(check.passed for check in checks),
        "checks": [vars(check) for check in checks],
        "questions": len(comparison.candidate.values["ndcg"]),
        "candidate": comparison.candidate.as_json(rate),
        "champion": champion.as_json(rate) if champion else None,
        "popularity": {_key(name): value for name, value in comparison.popularity.items()},
        "difference": _differences(comparison, rate) if champion else None,
        "overlap@20": comparison.overlap,
    }


def _differences(comparison: Comparison, rate: float) -> dict[str, object]:
    """Return candidate minus champion: of means with intervals, and of the coverages."""
    gains = {name: comparison.difference(name, rate) for name in _MEANS}
    return {
        **{_key(name): vars(gain) for name, gain in gains.items() if gain},
        "coverage": comparison.wider,
    }


def _key(name: str) -> str:
    return f"{name}@20" if name in _MEANS else name


def _compare(place: Target, candidate: str, champion: str | None, most: int) -> Comparison:
    with contextlib.ExitStack() as stack:
        try:
            site = stack.enter_context(place.site(candidate))
            other = stack.enter_context(place.site(champion)) if champion else None
            return compare(site, other, most)
        except ServiceError as error:
            raise GateError(f"{candidate} cannot be judged: {error}") from error


def _record(place: Target, candidate: str, record: GateRecord) -> None:
    """Keep the verdict on the build's Deployment, for `release status`."""
    if place.url(candidate):
        return
    try:
        place.annotate(candidate, GATE, record.text())
    except ServiceError as error:  # not every account may change a Deployment
        log.warning("the verdict is not recorded: %s", error)


def _champion(arguments: argparse.Namespace) -> str | None:
    """Return the champion's build or URL; None for a first release."""
    if arguments.champion == "none":
        return None
    if arguments.champion != "auto":
        return str(arguments.champion)
    champion = routing(arguments).champion(but=arguments.candidate)
    log.info("champion: %s", f"build {champion}" if champion else "none, a first release")
    return champion


def _figures_table(comparison: Comparison) -> str:
    head = (
        *("", "BUILD", "NDCG@20", "RECALL@20", "COVERAGE", "NOVELTY", "ERRORS", "P50 MS", "P99 MS"),
    )
    sites = [("candidate", comparison.candidate), ("champion", comparison.champion)]
    rows = [[name, *_row(figures)] for name, figures in sites if figures]
    if comparison.champion:
        gains = _difference_row(comparison.candidate, comparison.champion)
        rows.append(["difference", "", *gains, "", "", ""])
    popular = _formatted(comparison.popularity)
    return table(head, [*rows, ["popularity", "", *popular, "", "", ""]])


def _row(figures: SiteFigures) -> list[str]:
    times = [f"{figures.p50_ms:.1f}", f"{figures.p99_ms:.1f}"]
    return [figures.build, *_formatted(_means(figures)), f"{figures.errors:.2%}", *times]


def _difference_row(candidate: SiteFigures, champion: SiteFigures) -> list[str]:
    """Return candidate minus champion."""
    ours, theirs = _means(candidate), _means(champion)
    return _formatted({name: ours[name] - theirs[name] for name in ours if name in theirs}, "+")


def _means(figures: SiteFigures) -> dict[str, float]:
    return {name: figures.mean(name) for name in figures.values} | {"coverage": figures.coverage}


def _formatted(values: Mapping[str, float], sign: str = "") -> list[str]:
    """Return NDCG, recall, coverage and novelty as texts."""
    forms = {"ndcg": ".4f", "recall": ".4f", "coverage": ".3f", NOVELTY: ".2f"}
    return [
        f"{values[name]:{sign}{form}}" if name in values else _UNKNOWN
        for name, form in forms.items()
    ]


def _data_table(comparison: Comparison) -> list[str]:
    """Return the profiles of both builds' data side by side; nothing if the candidate has none."""
    if comparison.candidate.profile is None:
        return []
    champion = comparison.champion
    theirs = champion.profile["figures"] if champion and champion.profile else {}
    rows = rows_of_figures(comparison.candidate.profile, theirs)
    return [table(("DATA", "CANDIDATE", "CHAMPION", "MEANING"), rows)]


def _verdict_table(checks: Sequence[Check]) -> str:
    rows = [("ok" if check.passed else "FAILED", check.name, check.reason) for check in checks]
    return table(("VERDICT", "RULE", "REASON"), rows)
