"""Means with their uncertainty, novelty, coverage, bands and the long tail."""

import numpy as np
import pytest
from scipy import sparse

from modelsystem_shared.numeric import exposure
from modelsystem_shared.numeric.ranking import Estimate
from modelsystem_trainer.evaluation import metrics, ranking
from modelsystem_trainer.evaluation.ranking import Lists


def random_lists(users: int, items: int, seed: int = 1) -> Lists:
    draw = np.random.default_rng(seed)
    shown = draw.permuted(np.tile(np.arange(items), (users, 1)), axis=1)[:, : metrics.MOST_SHOWN]
    truth = sparse.csr_array(draw.random((users, items)) < 0.1)
    return ranking.compared(shown, truth)


def test_without_users_every_figure_is_0() -> None:
    """So it is in every band."""
    measured = metrics.measure(random_lists(0, 60), np.ones(60), 0, np.arange(0))
    assert (measured.users, measured.ndcg, measured.recall, measured.coverage) == (0, 0, 0, 0)
    assert measured.at[10].novelty == Estimate(0, 0, 0)
    assert [band.users for band in measured.by_history] == [0, 0, 0, 0]


def test_novelty_is_the_mean_self_information() -> None:
    """An item that one user in eight chose has 3 bits; empty places have none."""
    shown = np.full((2, 50), -1)
    shown[0, :3] = [0, 1, 2]
    lists = ranking.compared(shown, sparse.csr_array(np.eye(2, 4)))
    counts = np.array([8, 2, 1, 0])
    assert exposure.self_information(counts, 8).tolist() == [0, 2, 3, 3]
    measured = metrics.measure(lists, counts, 8, np.array([1, 1]))
    assert measured.at[10].novelty.mean == pytest.approx((5 / 3 + 0) / 2, abs=1e-6)


def test_coverage_counts_items_once() -> None:
    """For any number of users who are shown an item."""
    lists = random_lists(3, 200)
    measured = metrics.measure(lists, np.ones(200), 9, np.ones(3))
    for k in metrics.KS:
        assert measured.at[k].coverage == len(np.unique(lists.shown[:, :k])) / 200


def test_the_tail_goes_from_the_most_popular_to_the_least() -> None:
    """Ten bands of equally many items; each has the share of it that was shown."""
    counts = np.arange(100)[::-1]
    shown = np.arange(50)[None, :] * 2  # of the first 20 shown, five in each of four bands
    lists = ranking.compared(shown, sparse.csr_array((1, 100)))
    measured = metrics.measure(lists, counts, 100, np.ones(1))
    assert measured.tail == [0.5] * 4 + [0.0] * 6


def test_bands_are_by_the_number_of_earlier_items() -> None:
    """Each band has the figures of its own users, and all users are in one."""
    lists, lengths = random_lists(40, 60), np.array([1, 5, 6, 20, 21, 100, 101, 5000] * 5)
    measured = metrics.measure(lists, np.ones(60), 40, lengths)
    assert [(b.first, b.last) for b in measured.by_history] == [
        (1, 5),
        (6, 20),
        (21, 100),
        (101, None),
    ]
    assert [band.users for band in measured.by_history] == [10, 10, 10, 10]
    of_second = lists.user_ndcg(20)[(lengths == 6) | (lengths == 20)]
    assert measured.by_history[1].at[20].ndcg.mean == pytest.approx(of_second.mean(), abs=1e-6)


def test_figures_are_readable() -> None:
    """No figure has more than six decimals."""
    measured = metrics.measure(random_lists(40, 60), np.arange(60), 40, np.ones(40))
    estimates = [e for f in measured.at.values() for e in (f.recall, f.ndcg, f.novelty)]
    figures = [*measured.tail, *(v for e in estimates for v in (e.mean, e.low, e.high))]
    assert all(round(figure, 6) == figure for figure in figures)
