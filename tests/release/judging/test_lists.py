"""Recall, NDCG, coverage and overlap of lists of ids."""

import math

import pytest

from modelsystem_release.judging import lists as ranking

TWENTY = tuple(f"i{n}" for n in range(20))


def test_recall_is_the_share_of_the_wanted_that_is_found() -> None:
    """Among the first 20 only."""
    assert ranking.recall(("a", "b", "c"), {"a", "c", "x", "y"}) == 0.5
    assert ranking.recall((*TWENTY, "late"), {"late"}) == 0.0


def test_ndcg_counts_an_early_hit_for_more() -> None:
    """By hand: hits at places 1 and 3 of two wanted."""
    found = ranking.ndcg(("a", "x", "b"), {"a", "b"})
    assert found == pytest.approx((1 + 1 / math.log2(4)) / (1 + 1 / math.log2(3)))
    assert ranking.ndcg(("a", "b"), {"a", "b"}) == 1.0
    assert ranking.ndcg((), {"a"}) == 0.0


def test_ndcg_is_ideal_with_twenty_hits_however_many_are_wanted() -> None:
    """Nobody can find more than fits."""
    assert ranking.ndcg(TWENTY, {*TWENTY, "x", "y"}) == pytest.approx(1.0)


def test_coverage_and_overlap() -> None:
    """Shares of the catalogue, and of each other's lists."""
    assert ranking.coverage([("a", "b"), ("b", "c")], 6) == 0.5
    assert ranking.overlap([("a", "b"), ("c",)], [("b", "a"), ("d",)]) == 0.5
    assert ranking.overlap([()], [("a",)]) == 0.0
