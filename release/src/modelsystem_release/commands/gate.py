"""`release gate`: asks a build's real service, before any traffic, what no build has learned."""

import argparse
import contextlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modelsystem_release.cluster.site import Question, Site
from modelsystem_release.cluster.target import Namespace
from modelsystem_release.commands.arguments import Commands, Parser, command, show, table
from modelsystem_release.errors import GateError, ServiceError
from modelsystem_release.judging import interview, junit, rules, verdict
from modelsystem_release.judging import lists as ranking
from modelsystem_release.judging.rules import Rules
from modelsystem_release.judging.verdict import Asked, Check, Figures
from modelsystem_release.traffic import routing as weights

log = logging.getLogger(__name__)
MORE = f"""A build is a number, which is reached by port-forward, or a URL. The champion is what the
route points to; none is the first release.

rules:{(rules.__doc__ or "").partition(".")[2]}"""


def add(commands: "Commands[Parser]") -> None:
    """Add the command."""
    parser = command(commands, "gate", __doc__, MORE)
    parser.add_argument("candidate", metavar="BUILD|URL")
    parser.add_argument("--champion", default="auto", metavar="BUILD|URL|auto|none")
    parser.add_argument("--rules", type=Path, metavar="FILE")
    parser.add_argument("--questions", type=int, default=5000, metavar="N", help="at most")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write figures and verdict there")
    weights.add_place(parser)
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> None:
    """Ask, judge, tell.

    Raises:
        GateError: a rule is broken, or the candidate cannot be judged.

    """
    chosen_rules = rules.load(chosen.rules)
    space = Namespace(chosen.namespace, chosen.tenant, weights.sites(chosen))
    champion = _champion(chosen)
    with contextlib.ExitStack() as stack:
        names = [chosen.candidate, *([champion] if champion else [])]
        urls = [stack.enter_context(space.site(name)) for name in names]
        sites = [stack.enter_context(Site(url)) for url in urls]
        try:
            asked = ask(sites[0], sites[1] if champion else None, chosen.questions)
        except ServiceError as error:
            raise GateError(f"{chosen.candidate} cannot be judged: {error}") from error
    checks = verdict.judge(asked, chosen_rules)
    tell(chosen, asked, checks, chosen_rules)
    if broken := [check for check in checks if not check.passed]:
        told = "; ".join(f"{check.name}: {check.reason}" for check in broken)
        raise GateError(f"build {asked.candidate.build or chosen.candidate} is refused: {told}")


def ask(candidate: Site, champion: Site | None, most: int) -> Asked:
    """Ask both sites the candidate's questions, and what popularity would have answered.

    Raises:
        ServiceError: the candidate has no questions, or does not say what it is.

    """
    questions = candidate.questions()[:most]
    if not questions:
        raise ServiceError("its model has no gate users, so there is nothing to ask")
    n_items = _n_items(candidate)
    ours = interview.ask(candidate, questions, "the candidate")
    popular = interview.popular(candidate, questions)
    theirs = interview.ask(champion, questions, "the champion") if champion else None
    return Asked(
        verdict.figures(ours, questions, n_items),
        _popularity(popular, questions),
        verdict.figures(theirs, questions, _n_items(champion)) if champion and theirs else None,
        ranking.overlap(ours.lists, theirs.lists) if theirs else None,
    )


def tell(
    chosen: argparse.Namespace, asked: Asked, checks: Sequence[Check], used: Rules
) -> dict[str, Any]:
    """Print the verdict, and write it down where that is wanted."""
    passed = all(check.passed for check in checks)
    data = {
        "passed": passed,
        "checks": [vars(check) for check in checks],
        "questions": len(asked.candidate.ndcg),
        "candidate": asked.candidate.told(used.confidence),
        "champion": asked.champion.told(used.confidence) if asked.champion else None,
        "popularity": {f"{name}@20": value for name, value in asked.popularity.items()},
        "difference": _differences(asked, used.confidence),
        "overlap@20": asked.overlap,
    }
    if chosen.junit:
        junit.write(chosen.junit, f"gate of build {asked.candidate.build}", checks)
    if chosen.json:
        weights.write_json(chosen.json, data)
    show(chosen.output == "json", data, f"{_figures(asked)}\n\n{_verdict(checks)}")
    return data


def _champion(chosen: argparse.Namespace) -> str | None:
    if chosen.champion == "none":
        return None
    if chosen.champion != "auto":
        return str(chosen.champion)
    found = weights.store(chosen).champion(but=chosen.candidate)
    log.info("champion: %s", f"build {found}" if found else "none, this is the first release")
    return found


def _n_items(site: Site) -> int:
    try:
        return int(site.get("/v1/provenance")["model"]["data"]["items"])
    except (KeyError, TypeError, ValueError) as error:
        raise ServiceError(f"{site.url}/v1/provenance: is no manifest") from error


def _popularity(lists: Sequence[ranking.List], questions: Sequence[Question]) -> dict[str, float]:
    pairs = list(zip(lists, questions, strict=True))
    return {
        "ndcg": float(np.mean([ranking.ndcg(shown, q.answers) for shown, q in pairs])),
        "recall": float(np.mean([ranking.recall(shown, q.answers) for shown, q in pairs])),
    }


def _differences(asked: Asked, rate: float) -> dict[str, Any] | None:
    gains = {name: verdict.difference(asked, name, rate) for name in ("ndcg", "recall")}
    return {f"{name}@20": vars(gain) for name, gain in gains.items() if gain} or None


def _figures(asked: Asked) -> str:
    head = ("", "BUILD", "NDCG@20", "RECALL@20", "COVERAGE", "ERRORS", "P50 MS", "P99 MS")
    told = [("candidate", asked.candidate), ("champion", asked.champion)]
    rows = [[name, *_row(one)] for name, one in told if one]
    popular = [f"{value:.4f}" for value in asked.popularity.values()]
    return table(head, [*rows, ["popularity", "", *popular, "", "", "", ""]])


def _row(one: Figures) -> list[str]:
    qualities = [f"{np.mean(values):.4f}" for values in (one.ndcg, one.recall)]
    times = [f"{one.p50_ms:.1f}", f"{one.p99_ms:.1f}"]
    return [one.build, *qualities, f"{one.coverage:.3f}", f"{one.errors:.2%}", *times]


def _verdict(checks: Sequence[Check]) -> str:
    rows = [("ok" if check.passed else "FAILED", check.name, check.reason) for check in checks]
    return table(("VERDICT", "RULE", "WHY"), rows)
