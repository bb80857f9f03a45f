"""From a comparison and the gate's rules to a verdict, with a reason for each rule."""

from collections.abc import Iterator

from modelsystem_release.judging.check import Check
from modelsystem_release.judging.comparison import Comparison
from modelsystem_release.judging.rules import Quality, Rules
from modelsystem_shared import profile
from modelsystem_shared.numeric.ranking import Estimate
from modelsystem_shared.profile import Profile


def judge(comparison: Comparison, rules: Rules) -> list[Check]:
    """Return the outcome of every rule."""
    candidate, common = comparison.candidate, comparison.overlap
    faults = "".join(f"; {count} × {fault}" for fault, count in candidate.faults.items())
    return [
        _at_least("questions", len(candidate.values["ndcg"]), rules.questions.floor),
        Check("one model", candidate.models == 1, f"{candidate.models} model(s) answered"),
        *_quality("ndcg", comparison, rules.ndcg, rules),
        *_quality("recall", comparison, rules.recall, rules),
        _at_least("coverage", candidate.coverage, rules.coverage.floor),
        *([] if common is None else [_at_least("overlap", common, rules.overlap.floor)]),
        _at_most("errors", candidate.errors, rules.errors.ceiling, faults),
        _at_most("p50_ms", candidate.p50_ms, rules.p50_ms.ceiling),
        _at_most("p99_ms", candidate.p99_ms, rules.p99_ms.ceiling),
        _data(candidate.profile, rules),
    ]


def _quality(name: str, comparison: Comparison, rule: Quality, rules: Rules) -> Iterator[Check]:
    mean = comparison.candidate.mean(name)
    yield _at_least(f"{name} floor", mean, rule.floor)
    if rule.popularity:
        required = rule.popularity * comparison.popularity[name]
        yield _at_least(f"{name} popularity", mean, required)
    difference = comparison.difference(name, rules.confidence)
    if difference and rule.loss < 1:
        yield _no_worse(f"{name} champion", difference, rule.loss, rules)


def _no_worse(name: str, difference: Estimate, loss: float, rules: Rules) -> Check:
    """Judge by the whole interval: it must lie above the allowed loss."""
    interval = f"[{difference.low:+.4f}, {difference.high:+.4f}]"
    figures = f"{difference.mean:+.4f} {interval}, allowed loss {loss:g}"
    if difference.low >= -loss:
        return Check(name, True, figures)
    if difference.high < -loss:
        return Check(name, False, f"worse: {figures}")
    is_accepted = rules.inconclusive == "accept"
    return Check(name, is_accepted, f"inconclusive, ask more questions: {figures}")


def _data(described: Profile | None, rules: Rules) -> Check:
    """Judge by the verdict that the candidate's training came to."""
    if described is None:
        return Check("data", True, "its manifest has no profile of the data")
    sentences = [outcome["sentence"] for outcome in profile.broken(described)]
    reason = "; ".join(sentences) or f"breaks none of {len(described['verdict'])} rules"
    return Check("data", not sentences or rules.data == "accept", reason)


def _at_least(name: str, value: float, floor: float) -> Check:
    return Check(name, value >= floor, f"{value:.6g}, at least {floor:.6g}")


def _at_most(name: str, value: float, ceiling: float, faults: str = "") -> Check:
    return Check(name, value <= ceiling, f"{value:.6g}, at most {ceiling:.6g}{faults}")
