"""Intervals hold the truth at their stated rate."""

import numpy as np
import pytest

from modelsystem_release.judging import bootstrap


def test_the_interval_of_a_difference_covers_the_truth_at_its_rate() -> None:
    """400 simulated gates of 300 questions whose truth is known: 90 % of 90 % intervals hold it.

    Values are as NDCG is: many zeros, skewed, and the two sites' are correlated. Of 400, 90 % give
    or take three standard errors are 342 to 378.
    """
    draw = np.random.default_rng(1)
    covered = 0
    for _ in range(400):
        hard = draw.random(300) < 0.6
        theirs = np.where(hard, 0.0, draw.beta(2, 5, 300))
        ours = np.clip(theirs + np.where(hard, 0.0, draw.exponential(0.05, 300) - 0.03), -1, 2)
        found = bootstrap.paired(ours.tolist(), theirs.tolist(), 0.9)
        covered += found.low <= 0.4 * 0.02 <= found.high
    assert 342 <= covered <= 378


def test_pairing_is_what_makes_it_narrow() -> None:
    """Questions that are hard for both do not blur the difference between them."""
    draw = np.random.default_rng(2)
    theirs = draw.random(200)
    found = bootstrap.paired((theirs + 0.01).tolist(), theirs.tolist())
    assert found.low == pytest.approx(0.01)
    assert found.high == pytest.approx(0.01)
    alone = bootstrap.estimate(theirs.tolist())
    assert alone.high - alone.low > 0.05


def test_the_same_values_give_the_same_interval() -> None:
    """A gate that is run again says the same."""
    values = np.random.default_rng(3).random(100).tolist()
    assert bootstrap.estimate(values) == bootstrap.estimate(values)


def test_of_nothing_nothing_is_estimated() -> None:
    """An interval of no questions would be a lie."""
    with pytest.raises(ValueError, match="no values"):
        bootstrap.estimate([])
