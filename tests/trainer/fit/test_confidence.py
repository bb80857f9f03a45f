"""How much an interaction counts, computed by hand."""

import numpy as np
import pandas as pd
import pytest

from modelsystem_trainer.fit import Parameters, confidence

DAY = 86_400.0
# Two users: three items of one, the first on day 0, and two of the other.
ROWS = pd.DataFrame(
    {
        "user": np.array([0, 0, 0, 4, 4], np.int32),
        "item": np.array([1, 5, 7, 1, 2], np.int32),
        "weight": [1.0, 3.0, 2.0, 4.0, 0.0],
        "time": [0.0, 20 * DAY, 10 * DAY, 8 * DAY, 4 * DAY],
        "later": np.array([2, 0, 1, 0, 1], np.int32),
    }
)


def test_by_default_all_count_alike() -> None:
    """Each interaction counts 1, whatever the weights and times are."""
    assert confidence.in_fit(ROWS, Parameters()).tolist() == [1] * 5
    assert confidence.in_history(ROWS, Parameters()).tolist() == [1] * 5
    assert set(confidence.of_listed(Parameters()).tolist()) == {1}


def test_in_the_fit_weights_are_relative_to_their_mean() -> None:
    """The mean is 1 at any power, so that a ridge means the same."""
    assert confidence.in_fit(ROWS, Parameters(fit_power=1)).tolist() == [0.5, 1.5, 1, 2, 0]
    half = confidence.in_fit(ROWS, Parameters(fit_power=0.5))
    assert half.mean() == pytest.approx(1)
    assert half[3] / half[0] == pytest.approx(2)


def test_in_the_history_they_are_too() -> None:
    """A rating twice the mean counts twice, with power 1."""
    confidences = confidence.in_history(ROWS, Parameters(history_power=1))
    assert confidences.tolist() == [0.5, 1.5, 1, 2, 0]


def test_it_fades_with_each_later_item() -> None:
    """The last item counts 1, the one before it 2^-fade, the one before that 3^-fade."""
    confidences = confidence.in_history(ROWS, Parameters(fade=0.5))
    assert confidences == pytest.approx([3**-0.5, 1, 2**-0.5, 1, 2**-0.5])


def test_a_list_fades_like_a_history() -> None:
    """With only the order known, a list counts as a history of that order."""
    p = Parameters(fade=0.7)
    assert confidence.of_listed(p)[:3] == pytest.approx(confidence.in_history(ROWS, p)[[1, 2, 0]])
    assert len(confidence.of_listed(p)) == confidence.MOST_LISTED


def test_half_life_is_counted_from_the_users_last_item() -> None:
    """An item of 10 days before it counts half; other users have no effect."""
    confidences = confidence.in_history(ROWS, Parameters(half_life=10))
    assert confidences == pytest.approx([0.25, 1, 0.5, 1, 2**-0.4])


def test_without_times_nothing_grows_old() -> None:
    """Without times each interaction counts 1."""
    confidences = confidence.in_history(ROWS.assign(time=np.nan), Parameters(half_life=10))
    assert confidences.tolist() == [1] * 5


def test_weights_of_nothing_but_zero_are_finite() -> None:
    """If every rating is 0, each interaction counts 0."""
    zeros = ROWS.assign(weight=0.0)
    p = Parameters(fit_power=1, history_power=1)
    assert not confidence.in_fit(zeros, p).any()
    assert not confidence.in_history(zeros, p).any()


def test_an_empty_table_is_possible() -> None:
    """It has an empty result."""
    p = Parameters(fit_power=1, history_power=1, fade=1, half_life=1)
    none = ROWS.iloc[:0]
    assert len(confidence.in_fit(none, p)) == len(confidence.in_history(none, p)) == 0
