"""From what two sites answered to a verdict: figures, rules, and a reason for each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelsystem_release.cluster.site import Question
from modelsystem_release.judging import bootstrap
from modelsystem_release.judging import lists as ranking
from modelsystem_release.judging.bootstrap import Estimate
from modelsystem_release.judging.interview import Interview
from modelsystem_release.judging.rules import Quality, Rules


@dataclass(frozen=True)
class Check:
    """A rule, whether it is kept, and the sentence that says why."""

    name: str
    passed: bool
    reason: str


@dataclass(frozen=True)
class Figures:
    """What one site is worth; all but the qualities' per-question values are for people."""

    build: str
    digest: str
    ndcg: tuple[float, ...]
    recall: tuple[float, ...]
    coverage: float
    errors: float
    p50_ms: float
    p99_ms: float
    faults: dict[str, int]
    models: int

    def told(self, rate: float) -> dict[str, Any]:
        """Return the figures as JSON has them."""
        return {
            "build": self.build,
            "digest": self.digest,
            "ndcg@20": vars(bootstrap.estimate(self.ndcg, rate)),
            "recall@20": vars(bootstrap.estimate(self.recall, rate)),
            "coverage": self.coverage,
            "errors": self.errors,
            "p50_ms": round(self.p50_ms, 3),
            "p99_ms": round(self.p99_ms, 3),
            "faults": self.faults,
        }


@dataclass(frozen=True)
class Asked:
    """All that the verdict is made of; the champion's part is None on the first release."""

    candidate: Figures
    popularity: dict[str, float]
    champion: Figures | None
    overlap: float | None


def figures(interview: Interview, questions: Sequence[Question], n_items: int) -> Figures:
    """Return what a site's answers are worth."""
    pairs = list(zip(interview.lists, questions, strict=True))
    models = sorted(interview.models) or [("", "")]
    p50, p99 = np.quantile(interview.seconds, [0.5, 0.99]) * 1000
    return Figures(
        *models[0],
        ndcg=tuple(ranking.ndcg(shown, q.answers) for shown, q in pairs),
        recall=tuple(ranking.recall(shown, q.answers) for shown, q in pairs),
        coverage=ranking.coverage(interview.lists, n_items),
        errors=interview.faults.total() / len(questions),
        p50_ms=float(p50),
        p99_ms=float(p99),
        faults=dict(interview.faults),
        models=len(models),
    )


def judge(asked: Asked, rules: Rules) -> list[Check]:
    """Return every rule with its outcome."""
    ours = asked.candidate
    return [
        _at_least("questions", len(ours.ndcg), rules.questions.floor),
        Check("one model", ours.models == 1, f"{ours.models} model(s) answered"),
        *_quality("ndcg", asked, rules),
        *_quality("recall", asked, rules),
        _at_least("coverage", ours.coverage, rules.coverage.floor),
        *(
            []
            if asked.overlap is None
            else [_at_least("overlap", asked.overlap, rules.overlap.floor)]
        ),
        _at_most("errors", ours.errors, rules.errors.ceiling, _listed(ours.faults)),
        _at_most("p50_ms", ours.p50_ms, rules.p50_ms.ceiling),
        _at_most("p99_ms", ours.p99_ms, rules.p99_ms.ceiling),
    ]


def difference(asked: Asked, name: str, rate: float) -> Estimate | None:
    """Return candidate minus champion on the same questions, or None without a champion."""
    if asked.champion is None:
        return None
    return bootstrap.paired(getattr(asked.candidate, name), getattr(asked.champion, name), rate)


def _quality(name: str, asked: Asked, rules: Rules) -> Iterator[Check]:
    rule: Quality = getattr(rules, name)
    mean = float(np.mean(getattr(asked.candidate, name)))
    yield _at_least(f"{name} floor", mean, rule.floor)
    if rule.popularity:
        yield _at_least(f"{name} popularity", mean, rule.popularity * asked.popularity[name])
    gained = difference(asked, name, rules.confidence)
    if gained and rule.loss < 1:
        yield _no_worse(f"{name} champion", gained, rule.loss, rules)


def _no_worse(name: str, gained: Estimate, loss: float, rules: Rules) -> Check:
    """Judge by the whole interval: what cannot be told from too large a loss is not passed."""
    told = f"{gained.mean:+.4f} [{gained.low:+.4f}, {gained.high:+.4f}], allowed loss {loss:g}"
    if gained.low >= -loss:
        return Check(name, True, told)
    if gained.high < -loss:
        return Check(name, False, f"worse: {told}")
    return Check(name, rules.inconclusive == "accept", f"inconclusive, ask more questions: {told}")


def _at_least(name: str, value: float, floor: float) -> Check:
    return Check(name, value >= floor, f"{value:.6g}, at least {floor:.6g}")


def _at_most(name: str, value: float, ceiling: float, more: str = "") -> Check:
    return Check(name, value <= ceiling, f"{value:.6g}, at most {ceiling:.6g}{more}")


def _listed(faults: dict[str, int]) -> str:
    return "".join(f"; {count} × {fault}" for fault, count in faults.items())
