"""From answers to figures."""

import numpy as np
import pytest

from modelsystem_release.cluster import Answer, Popularity, Question
from modelsystem_release.judging.comparison import Comparison, SiteFigures, figures
from modelsystem_release.judging.interview import Interview
from modelsystem_release.judging.lists import Catalogue
from modelsystem_shared.manifest import Data
from modelsystem_shared.numeric.arrays import Float64s
from modelsystem_shared.numeric.ranking import Estimate


def of_values(ndcg: Float64s) -> SiteFigures:
    """Return figures with these values of NDCG and recall."""
    values = {"ndcg": ndcg, "recall": ndcg}
    return SiteFigures("153", "d", values, 0.5, 0.0, 1.0, 2.0, {}, models=1)


def of_items(count: int) -> Data:
    """Return what a manifest says of data with so many items."""
    return {
        "location": "",
        "files": [],
        "rows": 9,
        "rows_rejected": 0,
        "rows_of_other_tenants": 0,
        "users": 5,
        "items": count,
        "interactions": 9,
        "history_lengths": [],
    }


def test_figures_of_an_interview() -> None:
    """A fault is an error, and its list has no items."""
    questions = [Question(("a",), frozenset({"b"})), Question(("b",), frozenset({"a", "c"}))]
    answers = (Answer(("b", "x"), 0.001, "153", "d"), Answer(seconds=0.003, fault="status 500"))
    site = figures(Interview(answers), questions, of_items(4))
    assert (site.build, site.digest, site.models) == ("153", "d", 1)
    assert site.values["ndcg"].tolist() == [1.0, 0.0]
    assert site.values["recall"].tolist() == [1.0, 0.0]
    assert (site.coverage, site.errors, site.faults) == (0.5, 0.5, {"status 500": 1})
    assert site.p50_ms == pytest.approx(2.0)
    assert site.as_json(0.95)["ndcg@20"] == {"mean": 0.5, "low": 0.0, "high": 1.0}


def test_figures_are_of_the_first_twenty_items() -> None:
    """A list may be longer, and more items held out than fit into it."""
    twenty = tuple(f"i{n}" for n in range(20))
    questions = [Question((), frozenset({"late"})), Question((), frozenset({*twenty, "x", "y"}))]
    answers = tuple(Answer(items, 0.001, "153", "d") for items in ((*twenty, "late"), twenty))
    site = figures(Interview(answers), questions, of_items(21))
    assert site.values["ndcg"].tolist() == pytest.approx([0.0, 1.0])
    assert site.values["recall"].tolist() == pytest.approx([0.0, 20 / 22])


def test_both_sites_are_measured_on_one_catalogue() -> None:
    """With equal hits, the one that shows a rarer item has a higher novelty and coverage."""
    catalogue = Catalogue.of(Popularity(8, {"a": 8, "b": 4, "c": 1, "d": 1}))
    questions = [Question((), frozenset({"a"})), Question((), frozenset({"a"}))]

    def of_lists(*lists: tuple[str, ...]) -> SiteFigures:
        answers = tuple(Answer(items, 0.001, "153", "d") for items in lists)
        return figures(Interview(answers), questions, of_items(99), catalogue)

    candidate = of_lists(("a", "c"), ("a", "b"))
    champion = of_lists(("a", "b"), ("a", "gone"))
    assert candidate.values["novelty"].tolist() == pytest.approx([1.5, 0.5])
    assert champion.values["novelty"].tolist() == pytest.approx([0.5, 0])
    assert (candidate.coverage, champion.coverage) == (0.75, 0.5)
    comparison = Comparison(candidate, {}, champion, 0.5)
    assert comparison.difference("ndcg", 0.95) == Estimate(0, 0, 0)
    assert comparison.difference("novelty", 0.95) == Estimate(0.75, 0.5, 1.0)
    assert comparison.wider == 0.25
    assert candidate.as_json(0.95)["novelty@20"] == {"mean": 1.0, "low": 0.5, "high": 1.5}


def test_the_difference_is_paired() -> None:
    """Questions that are hard for both do not widen its interval."""
    champion = np.random.default_rng(2).random(200)
    comparison = Comparison(of_values(champion + 0.01), {}, of_values(champion), 1.0)
    difference = comparison.difference("ndcg", 0.95)
    assert difference
    assert (difference.low, difference.high) == pytest.approx((0.01, 0.01))
    first = Comparison(of_values(champion), {}, None, None)
    assert first.difference("ndcg", 0.95) is None
    assert first.wider is None
    assert comparison.difference("novelty", 0.95) is None  # neither site tells it
