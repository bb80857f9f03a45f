"""From figures and rules to a verdict."""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from modelsystem_release.cluster.site import Answer, Question
from modelsystem_release.judging import junit, verdict
from modelsystem_release.judging.interview import Interview
from modelsystem_release.judging.rules import Ceiling, Floor, Quality, Rules
from modelsystem_release.judging.verdict import Asked, Check, Figures

Make = Callable[..., Figures]


@pytest.fixture
def make_figures() -> Make:
    """Return a function that makes the figures of a flawless site."""

    def make(ndcg: Sequence[float] = (0.3,) * 100, **others: object) -> Figures:
        told = {
            "build": "153", "digest": "d", "recall": tuple(ndcg), "coverage": 0.5, "errors": 0.0,
            "p50_ms": 1.0, "p99_ms": 2.0, "faults": {}, "models": 1,
        }  # fmt: skip
        return Figures(ndcg=tuple(ndcg), **(told | others))  # type: ignore[arg-type]  # as told

    return make


def broken(checks: Sequence[Check]) -> list[str]:
    """Return the names of the broken rules."""
    return [check.name for check in checks if not check.passed]


POPULAR = {"ndcg": 0.2, "recall": 0.2}


def test_a_first_release_must_beat_popularity(make_figures: Make) -> None:
    """Absolute floors hold without a champion."""
    rules = Rules(ndcg=Quality(floor=0.1, popularity=1.2))
    good = Asked(make_figures(), POPULAR, None, None)
    assert broken(verdict.judge(good, rules)) == []
    worse = Asked(make_figures([0.22] * 100), POPULAR, None, None)
    assert broken(verdict.judge(worse, rules)) == ["ndcg popularity"]
    assert broken(verdict.judge(Asked(make_figures([0.05] * 100), POPULAR, None, None), rules)) == [
        "ndcg floor", "ndcg popularity"
    ]  # fmt: skip


def test_a_champion_is_compared_by_the_whole_interval(make_figures: Make) -> None:
    """Surely not worse passes, surely worse does not, and what cannot be told is said so."""
    rules = Rules(ndcg=Quality(loss=0.01))
    champion = make_figures()
    assert broken(verdict.judge(Asked(champion, POPULAR, champion, 1.0), rules)) == []
    worse = Asked(make_figures([0.27] * 100), POPULAR, champion, 1.0)
    (check,) = [c for c in verdict.judge(worse, rules) if not c.passed]
    assert check.reason.startswith("worse: -0.0300 [-0.0300, -0.0300]")
    noisy = (0.3 + np.random.default_rng(1).normal(-0.01, 0.1, 100)).tolist()
    unclear = Asked(make_figures(noisy), POPULAR, champion, 1.0)
    (check,) = [c for c in verdict.judge(unclear, rules) if not c.passed]
    assert check.reason.startswith("inconclusive, ask more questions: ")
    lenient = Rules(ndcg=Quality(loss=0.01), inconclusive="accept")
    assert broken(verdict.judge(unclear, lenient)) == []


@pytest.mark.parametrize(
    ("others", "rule"),
    [
        ({"errors": 0.02, "faults": {"status 503": 2}}, "errors"),
        ({"p50_ms": 300.0}, "p50_ms"),
        ({"p99_ms": 3000.0}, "p99_ms"),
        ({"coverage": 0.01}, "coverage"),
        ({"models": 2}, "one model"),
    ],
)
def test_every_other_rule_can_refuse(
    make_figures: Make, others: dict[str, object], rule: str
) -> None:
    """Errors, times, coverage, and two models behind one name."""
    rules = Rules(coverage=Floor(0.1), errors=Ceiling(0.01))
    asked = Asked(make_figures(**others), POPULAR, None, None)
    assert broken(verdict.judge(asked, rules)) == [rule]


def test_few_questions_decide_nothing(make_figures: Make) -> None:
    """A gate without evidence is closed."""
    asked = Asked(make_figures([0.3] * 5), POPULAR, make_figures([0.3] * 5), 0.1)
    assert broken(verdict.judge(asked, Rules(overlap=Floor(0.2)))) == ["questions", "overlap"]


def test_figures_of_an_interview() -> None:
    """A fault is an error, shows nothing, and finds nothing."""
    questions = [Question(("a",), frozenset({"b"})), Question(("b",), frozenset({"a", "c"}))]
    answers = (Answer(("b", "x"), 0.001, "153", "d"), Answer(seconds=0.003, fault="status 500"))
    found = verdict.figures(Interview(answers), questions, 4)
    assert (found.build, found.ndcg, found.recall) == ("153", (1.0, 0.0), (1.0, 0.0))
    assert (found.coverage, found.errors, found.faults) == (0.5, 0.5, {"status 500": 1})
    assert found.p50_ms == pytest.approx(2.0)


def test_junit_has_a_case_for_each_rule(tmp_path: Path) -> None:
    """A failed one says why, whatever signs that holds."""
    path = tmp_path / "out" / "gate.xml"
    junit.write(path, "gate of build 153", [Check("a", True, "1"), Check("b", False, "2 < 3 & é")])
    suite = ET.parse(path).getroot()[0]
    assert suite.attrib == {
        "name": "gate of build 153", "tests": "2", "failures": "1", "errors": "0"
    }  # fmt: skip
    failure = suite.find("testcase[@name='b']/failure")
    assert failure is not None
    assert failure.get("message") == "2 < 3 & é"
