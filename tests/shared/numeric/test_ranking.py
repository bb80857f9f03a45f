"""Figures of ranked lists, by hand and beside simple definitions; intervals hold their rate."""

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from modelsystem_shared.numeric import ranking
from modelsystem_shared.numeric.arrays import Float64s
from modelsystem_shared.numeric.ranking import Estimate

ITEMS = st.sampled_from([f"i{n}" for n in range(12)])
LISTS = st.lists(
    st.tuples(st.lists(ITEMS, unique=True), st.frozensets(ITEMS)), min_size=1, max_size=6
)


def simple_recall(items: list[str], held_out: frozenset[str], k: int) -> float:
    """Return the share of the held-out items among the first k."""
    return len(held_out & {*items[:k]}) / max(len(held_out), 1)


def simple_ndcg(items: list[str], held_out: frozenset[str], k: int) -> float:
    """Return the discounted gain over that of a perfect list."""
    gain = sum(1 / math.log2(p + 2) for p, item in enumerate(items[:k]) if item in held_out)
    ideal = sum(1 / math.log2(p + 2) for p in range(min(len(held_out), k)))
    return gain / ideal if ideal else 0.0


@given(LISTS, st.integers(1, 15))
def test_figures_are_those_of_the_definitions(
    users: list[tuple[list[str], frozenset[str]]], k: int
) -> None:
    """For any lists, also short ones, and any number of held-out items."""
    lists, held_out = [items for items, _ in users], [relevant for _, relevant in users]
    marks, counts = ranking.hits(lists, held_out, 15), np.array([*map(len, held_out)])
    for function, simple in ((ranking.recall, simple_recall), (ranking.ndcg, simple_ndcg)):
        expected = [simple(*user, k) for user in users]
        assert function(marks, counts, k).tolist() == pytest.approx(expected)


def test_by_hand() -> None:
    """Hits at places 1 and 3 of two held-out items."""
    marks, counts = np.array([[True, False, True]]), np.array([2])
    assert ranking.recall(marks, counts, 2).tolist() == [0.5]
    assert ranking.recall(marks, counts, 3).tolist() == [1.0]
    gain, ideal = 1 + 1 / math.log2(4), 1 + 1 / math.log2(3)
    assert ranking.ndcg(marks, counts, 3).tolist() == pytest.approx([gain / ideal])


@given(
    arrays(np.float64, st.tuples(st.integers(1, 30), st.integers(1, 4)), elements=st.floats(0, 1))
)
def test_a_mean_lies_in_its_interval_and_within_the_values(values: Float64s) -> None:
    """For any values; if all users are alike, the interval is a point."""
    for column, estimate in zip(values.T, ranking.estimate(values), strict=True):
        assert estimate.mean == pytest.approx(column.mean(), abs=1e-6)
        assert column.min() - 1e-6 <= estimate.low <= estimate.high <= column.max() + 1e-6
        if np.ptp(column) == 0:
            assert estimate.low == estimate.mean == estimate.high


def test_intervals_of_20_000_users_are_cheap() -> None:
    """They take well below a second of a CPU."""
    values = np.random.default_rng(3).random((20_000, 9))
    start = time.process_time()
    ranking.estimate(values)
    assert time.process_time() - start < 2  # it measures 0.3 s; the machine may be busy


def test_an_estimate_is_the_same_every_time() -> None:
    """It depends on the values only, and lies around the mean."""
    values = np.random.default_rng(1).random((200, 2))
    first = ranking.estimate(values)
    assert first == ranking.estimate(values.copy()) == ranking.estimate(np.asfortranarray(values))
    for column, estimate in zip(values.T, first, strict=True):
        assert estimate.low < estimate.mean < estimate.high
        assert estimate.mean == pytest.approx(column.mean(), abs=1e-6)


def test_without_users_there_is_nothing_to_estimate() -> None:
    """Every column has the figure 0."""
    assert ranking.estimate(np.zeros((0, 3))) == [Estimate(0, 0, 0)] * 3


def test_a_column_does_not_depend_on_the_others() -> None:
    """The same users are drawn, however many figures they have."""
    values = np.random.default_rng(2).random((50, 3))
    assert ranking.estimate(values)[1] == ranking.estimate(values[:, 1:2])[0]


@pytest.mark.parametrize("rate", [0.8, 0.95])
def test_intervals_hold_the_true_mean_at_their_rate(
    rate: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In 400 simulations of 300 users whose values are bounded, skewed and mostly 0."""
    draw, truth, held = np.random.default_rng(3), 0.3 * 0.5, 0
    monkeypatch.setattr(ranking, "RESAMPLES", 200)
    for _ in range(400):
        values: Float64s = draw.random((300, 1)) * (draw.random((300, 1)) < 0.3)
        (estimate,) = ranking.estimate(values, rate)
        held += estimate.low <= truth <= estimate.high
    assert held / 400 == pytest.approx(rate, abs=0.04)
