"""Means with their uncertainty, novelty, coverage, bands and the long tail."""

import math
import time

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from scipy import sparse

from modelsystem_trainer.evaluation import metrics, ranking
from modelsystem_trainer.evaluation.metrics import Estimate
from modelsystem_trainer.evaluation.ranking import Lists

Floats = npt.NDArray[np.float64]
shares = st_numpy.arrays(
    np.float64, st.tuples(st.integers(1, 30), st.integers(1, 4)), elements=st.floats(0, 1)
)


def random_lists(users: int, items: int, seed: int = 1) -> Lists:
    draw = np.random.default_rng(seed)
    shown = draw.permuted(np.tile(np.arange(items), (users, 1)), axis=1)[:, : metrics.MOST_SHOWN]
    truth = sparse.csr_array(draw.random((users, items)) < 0.1)
    return ranking.compared(shown, truth)


@given(shares)
def test_a_mean_lies_in_its_interval_and_within_the_values(values: Floats) -> None:
    """Whatever the values are; where all users are alike, the interval is a point."""
    for column, found in zip(values.T, metrics.estimate(values), strict=True):
        assert found.mean == pytest.approx(column.mean(), abs=1e-6)
        assert column.min() - 1e-6 <= found.low <= found.high <= column.max() + 1e-6
        if np.ptp(column) == 0:
            assert found.low == found.mean == found.high


def test_the_interval_is_that_of_the_normal_law() -> None:
    """For the mean of many users it is 1.96 standard errors to either side."""
    values = np.random.default_rng(3).random((4_000, 1))
    (found,) = metrics.estimate(values)
    half = 1.96 * values.std() / math.sqrt(len(values))
    assert found.high - found.mean == pytest.approx(half, rel=0.1)
    assert found.mean - found.low == pytest.approx(half, rel=0.1)


def test_intervals_do_not_depend_on_their_company() -> None:
    """A column has the same interval alone and beside others: users are drawn as ever."""
    values = np.random.default_rng(3).random((500, 9))
    alone = [metrics.estimate(values[:, [n]])[0] for n in range(9)]
    assert metrics.estimate(values) == alone
    assert metrics.estimate(np.asfortranarray(values)) == alone


def test_intervals_of_20_000_users_are_cheap() -> None:
    """They take well below a second of a CPU."""
    values = np.random.default_rng(3).random((20_000, 9))
    start = time.process_time()
    metrics.estimate(values)
    assert time.process_time() - start < 2  # it measures 0.3 s; the machine may be busy


def test_nobody_has_no_figures() -> None:
    """Without users every figure is 0, in every band."""
    found = metrics.measure(random_lists(0, 60), np.ones(60), 0, np.arange(0))
    assert (found.users, found.ndcg, found.recall, found.coverage) == (0, 0, 0, 0)
    assert found.at[10].novelty == Estimate(0, 0, 0)
    assert [band.users for band in found.by_history] == [0, 0, 0, 0]


def test_novelty_is_the_mean_self_information() -> None:
    """An item that one user in eight chose tells 3 bits; empty places tell nothing."""
    shown = np.full((2, 50), -1)
    shown[0, :3] = [0, 1, 2]
    lists = ranking.compared(shown, sparse.csr_array(np.eye(2, 4)))
    counts = np.array([8, 2, 1, 0])
    assert metrics.self_information(counts, 8).tolist() == [0, 2, 3, 3]
    found = metrics.measure(lists, counts, 8, np.array([1, 1]))
    assert found.at[10].novelty.mean == pytest.approx((5 / 3 + 0) / 2, abs=1e-6)


def test_coverage_counts_items_once() -> None:
    """Whoever and however many are shown an item."""
    lists = random_lists(3, 200)
    found = metrics.measure(lists, np.ones(200), 9, np.ones(3))
    for k in metrics.KS:
        assert found.at[k].coverage == len(np.unique(lists.shown[:, :k])) / 200


def test_the_tail_goes_from_the_most_popular_to_the_least() -> None:
    """Ten bands of equally many items; each has the share of it that was shown."""
    counts = np.arange(100)[::-1]
    shown = np.arange(50)[None, :] * 2  # of the first 20 shown, five in each of four bands
    lists = ranking.compared(shown, sparse.csr_array((1, 100)))
    found = metrics.measure(lists, counts, 100, np.ones(1))
    assert found.tail == [0.5] * 4 + [0.0] * 6


def test_bands_are_by_the_number_of_earlier_items() -> None:
    """Each band has the figures of its own users, and all users are in one."""
    lists, lengths = random_lists(40, 60), np.array([1, 5, 6, 20, 21, 100, 101, 5000] * 5)
    found = metrics.measure(lists, np.ones(60), 40, lengths)
    assert [(b.first, b.last) for b in found.by_history] == [
        (1, 5),
        (6, 20),
        (21, 100),
        (101, None),
    ]
    assert [band.users for band in found.by_history] == [10, 10, 10, 10]
    of_second = lists.user_ndcg(20)[(lengths == 6) | (lengths == 20)]
    assert found.by_history[1].at[20].ndcg.mean == pytest.approx(of_second.mean(), abs=1e-6)


def test_figures_are_readable() -> None:
    """No figure has more than six decimals."""
    found = metrics.measure(random_lists(40, 60), np.arange(60), 40, np.ones(40))
    estimates = [e for f in found.at.values() for e in (f.recall, f.ndcg, f.novelty)]
    figures = [*found.tail, *(v for e in estimates for v in (e.mean, e.low, e.high))]
    assert all(round(figure, 6) == figure for figure in figures)
