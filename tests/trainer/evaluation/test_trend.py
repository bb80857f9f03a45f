"""The trend, by hand, and the choice of its half-life."""

import numpy as np
import pandas as pd
import pytest

from modelsystem_trainer.evaluation import trend

DAY = 86_400.0


def table(rows: list[tuple[int, int, float]]) -> pd.DataFrame:
    """Make a table of (user, item, day), sorted by user."""
    user, item, day = zip(*sorted(rows), strict=True)
    of_ints = {"user": np.array(user, np.int32), "item": np.array(item, np.int32)}
    return pd.DataFrame(of_ints | {"time": np.array(day, float) * DAY})


def test_without_a_half_life_it_is_the_share_of_users() -> None:
    """Time does not count: two of three users chose item 1."""
    rows = table([(0, 1, 0), (0, 2, 5), (3, 1, 9), (4, 2, 1)])
    assert trend.shares(rows, 4, 0.0).tolist() == pytest.approx([0, 2 / 3, 2 / 3, 0])


def test_late_choices_count_most() -> None:
    """A user whose last choice is a half-life ago counts half, and so do the choices."""
    rows = table([(0, 1, 0), (0, 2, 10), (1, 3, 20)])
    expected = [0, 0.25 / 1.5, 0.5 / 1.5, 1 / 1.5]
    assert trend.shares(rows, 4, 10.0).tolist() == pytest.approx(expected)


def test_a_half_life_is_chosen_if_tastes_change() -> None:
    """Every ten days all users change to other items: trending items are the next ones."""
    draw = np.random.default_rng(1)
    rows = {
        (user, int(day // 10) * 8 + int(draw.integers(30)), day)
        for user in range(100)
        for day in draw.uniform(0, 200, 20).tolist()
    }
    tried = trend.try_half_lives(table(list(rows)), 200)
    assert trend.best(tried) > 0
    assert tried[trend.best(tried)] > 1.5 * tried[0.0]


def test_time_does_not_count_if_it_is_missing_or_equal() -> None:
    """No times, one time, no rows: it is the share of users."""
    rows = table([(0, 1, 0), (1, 1, 0), (1, 2, 0)])
    for timeless in (rows, rows.assign(time=np.nan), rows.iloc[:0]):
        assert trend.best(trend.try_half_lives(timeless, 4)) == 0
    assert trend.shares(rows.iloc[:0], 4, 5.0).tolist() == [0] * 4
