"""From figures and rules to a verdict."""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from modelsystem_release.judging import Check, Comparison, Rules, SiteFigures, judge, write_junit
from modelsystem_release.judging.rules import Ceiling, Floor, Quality
from modelsystem_shared.profile import Outcome, Profile

MakeFigures = Callable[..., SiteFigures]
POPULAR = {"ndcg": 0.2, "recall": 0.2}


@pytest.fixture
def make_figures() -> MakeFigures:
    """Return a function that makes the figures of a flawless site."""

    def make(ndcg: Sequence[float] = (0.3,) * 100, **others: object) -> SiteFigures:
        values = np.array(ndcg)
        flawless = {
            "build": "153", "digest": "d", "values": {"ndcg": values, "recall": values},
            "coverage": 0.5, "errors": 0.0, "p50_ms": 1.0, "p99_ms": 2.0, "faults": {}, "models": 1,
        }  # fmt: skip
        return SiteFigures(**(flawless | others))  # type: ignore[arg-type]  # of any field

    return make


def broken(checks: Sequence[Check]) -> list[str]:
    """Return the names of the broken rules."""
    return [check.name for check in checks if not check.passed]


def test_a_first_release_must_beat_popularity(make_figures: MakeFigures) -> None:
    """Absolute floors hold without a champion."""
    rules = Rules(ndcg=Quality(floor=0.1, popularity=1.2))
    for value, names in ((0.3, []), (0.22, ["ndcg popularity"]),
                         (0.05, ["ndcg floor", "ndcg popularity"])):  # fmt: skip
        first = Comparison(make_figures([value] * 100), POPULAR, None, None)
        assert broken(judge(first, rules)) == names


def test_a_champion_is_compared_by_the_whole_interval(make_figures: MakeFigures) -> None:
    """An equal build passes, a worse one does not, and an inconclusive interval is named."""
    rules = Rules(ndcg=Quality(loss=0.01))
    champion = make_figures()
    assert broken(judge(Comparison(champion, POPULAR, champion, 1.0), rules)) == []
    worse = Comparison(make_figures([0.27] * 100), POPULAR, champion, 1.0)
    (check,) = [check for check in judge(worse, rules) if not check.passed]
    assert check.reason.startswith("worse: -0.0300 [-0.0300, -0.0300]")
    noisy = (0.3 + np.random.default_rng(1).normal(-0.01, 0.1, 100)).tolist()
    unclear = Comparison(make_figures(noisy), POPULAR, champion, 1.0)
    (check,) = [check for check in judge(unclear, rules) if not check.passed]
    assert check.reason.startswith("inconclusive, ask more questions: ")
    lenient = Rules(ndcg=Quality(loss=0.01), inconclusive="accept")
    assert broken(judge(unclear, lenient)) == []


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
    make_figures: MakeFigures, others: dict[str, object], rule: str
) -> None:
    """Errors, times, coverage, and two models behind one name."""
    rules = Rules(coverage=Floor(0.1), errors=Ceiling(0.01))
    comparison = Comparison(make_figures(**others), POPULAR, None, None)
    assert broken(judge(comparison, rules)) == [rule]


def profile_with(*outcomes: Outcome) -> Profile:
    return {
        "files": [],
        "left_out": [],
        "figures": {"rows": 9},
        "examples": {},
        "first": None,
        "last": None,
        "days": None,
        "users_of_items": [],
        "verdict": list(outcomes),
    }


def test_a_build_whose_data_is_odd_is_refused(make_figures: MakeFigures) -> None:
    """By the verdict in its manifest, unless the gate's rules accept that."""
    kept: Outcome = {
        "rule": "warn rows >= 5",
        "figure": "rows",
        "level": "warn",
        "is_kept": True,
        "sentence": "x",
    }
    odd: Outcome = {**kept, "is_kept": False, "sentence": "rows is 3, at least 5 is allowed"}
    for described, rules, names in (
        (profile_with(kept), Rules(), []),
        (profile_with(kept, odd), Rules(), ["data"]),
        (profile_with(kept, odd), Rules(data="accept"), []),
        (None, Rules(), []),
    ):
        first = Comparison(make_figures(profile=described), POPULAR, None, None)
        checks = judge(first, rules)
        assert broken(checks) == names
        (check,) = [check for check in checks if check.name == "data"]
        assert (odd["sentence"] in check.reason) == bool(
            described and len(described["verdict"]) > 1
        )


def test_few_questions_are_refused(make_figures: MakeFigures) -> None:
    """A gate without evidence is closed."""
    few = make_figures([0.3] * 5)
    comparison = Comparison(few, POPULAR, few, 0.1)
    assert broken(judge(comparison, Rules(overlap=Floor(0.2)))) == ["questions", "overlap"]


def test_junit_has_a_case_for_each_rule(tmp_path: Path) -> None:
    """A failed one has the reason, with any characters."""
    path = tmp_path / "out" / "gate.xml"
    checks = [Check("a", True, "1"), Check("b", False, "2 < 3 & é")]
    write_junit(path, "gate of build 153", checks)
    suite = ET.parse(path).getroot()[0]
    assert suite.attrib == {
        "name": "gate of build 153", "tests": "2", "failures": "1", "errors": "0"
    }  # fmt: skip
    failure = suite.find("testcase[@name='b']/failure")
    assert failure is not None
    assert failure.get("message") == "2 < 3 & é"
