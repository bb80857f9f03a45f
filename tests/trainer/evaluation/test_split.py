"""What is held out for the search and for the test."""

from collections.abc import Callable

import numpy as np
import pytest

from modelsystem_trainer.evaluation import split as module
from modelsystem_trainer.evaluation.split import Split
from modelsystem_trainer.ingest import Interactions

Read = Callable[..., Interactions]
USERS = 60


@pytest.fixture
def some_users(read: Read) -> Interactions:
    """Read users with 20 items each, without times."""
    rows = [f"u{user},i{(7 * user + n) % 50}" for user in range(USERS) for n in range(20)]
    return read({"a.csv": "\n".join(["user_id,item_id", *rows])})


def test_few_users_are_asked_by_search_and_test(some_users: Interactions) -> None:
    """The search holds out a fifth of what the test leaves: all users count in both."""
    split = Split(some_users)
    assert not (split.validation & split.test).any()
    assert (split.user_counts(split.test) > 0).all()
    assert (split.user_counts(split.validation) > 0).all()
    assert (split.train & split.validation).sum() == split.validation.sum()


def test_many_users_are_asked_by_one_of_them(
    some_users: Interactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of them are searched on, half measured, and each lacks a fifth of the rows only."""
    monkeypatch.setattr(module, "FEW_USERS", 10)
    split = Split(some_users)
    searched = split.user_counts(split.validation) > 0
    measured = split.user_counts(split.test) > 0
    assert not (searched & measured).any()
    assert searched.sum() == (searched | measured).sum() // 2
    assert set(split.user_counts(split.validation)[searched]) == {4}
    # The search never sees a test row, and the measured model is fitted on all others.
    assert not (split.train & split.test).any()
    assert (split.train | split.test | split.gate).all()


@pytest.mark.parametrize("few", [10, 1_000])
def test_another_draw_holds_out_as_much_of_the_same_rows(
    some_users: Interactions, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """Another seed draws other rows, as many of each user, and none of the test part."""
    monkeypatch.setattr(module, "FEW_USERS", few)
    split = Split(some_users)
    has_validation = split.user_counts(split.validation) > 0
    first, second = split.drawn_validation("one"), split.drawn_validation("two")
    for drawn in (first, second):
        counts = split.user_counts(drawn)
        assert (counts[has_validation] == split.user_counts(split.validation)[has_validation]).all()
        assert not (drawn & (split.test | split.gate)).any()
    assert (first != second).any()
    assert (split.drawn_validation("one") == first).all()


def test_idle_parameters_are_those_without_effect(read: Read, some_users: Interactions) -> None:
    """Without times nothing fades; with equal weights their power has no effect."""
    assert Split(some_users).idle_parameters == {
        "fade",
        "half_life",
        "fit_power",
        "history_power",
    }
    rows = ["u,a,1,1500000005", "u,b,2,1500000006", "v,a,3,1500000007"]
    timed = read({"a.csv": "\n".join(["user_id,item_id,rating,timestamp", *rows])})
    assert Split(timed).idle_parameters == set()
    assert Split(timed).has_times
    assert np.isnan(some_users.table["time"]).all()
