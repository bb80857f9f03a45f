"""Held-out users and interactions."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_trainer.evaluation import holdout

TYPES = {"user": np.int32, "item": np.int32, "time": np.float64}
Held = dict[int, list[int]]
HeldOut = Callable[..., Held]


@pytest.fixture(scope="session")
def held_out() -> HeldOut:
    """Hold out of `{user: {item: time}}` and return user → items held out."""

    def make(times: dict[int, dict[int, float]]) -> Held:
        users, items = (
            sorted(times),
            sorted({item for history in times.values() for item in history}),
        )
        rows = [
            (place, items.index(item), time)
            for place, user in enumerate(users)
            for item, time in sorted(times[user].items())
        ]
        table = pd.DataFrame(rows, columns=["user", "item", "time"]).astype(TYPES)
        of_users, of_items = (
            holdout.hashes([str(value) for value in values], "pair") for values in (users, items)
        )
        later = holdout.later(table, holdout.pair_hashes(table, of_users, of_items))
        mask = later < holdout.held_out(np.bincount(table["user"]))[table["user"]]
        held: Held = {user: [] for user in users}
        for user, item, _ in table[mask].itertuples(index=False):
            held[users[int(user)]].append(items[int(item)])
        return held

    return make


@given(st.lists(st.integers(0, 19), unique=True))
def test_gate_users_do_not_depend_on_the_others(gate_ids: list[str], places: list[int]) -> None:
    """A user is a gate user in every build, whatever other users there are."""
    users = [*gate_ids[:10], *(f"user-{number}" for number in range(1, 11))]
    is_gate = holdout.gate_users([users[place] for place in places])
    assert is_gate.tolist() == [place < 10 for place in places]


def test_gate_users_of_this_version_are_those_of_the_next() -> None:
    """The hash is fixed: after a change builds could not be compared."""
    ids = [f"user-{number}" for number in range(500)]
    gates = [user for user, is_gate in zip(ids, holdout.gate_users(ids), strict=True) if is_gate]
    assert gates == ["user-0", "user-103", "user-488"]


def test_about_one_percent_are_gate_users() -> None:
    """Of 100,000 users 1,000 are expected, with a standard deviation of 31."""
    assert 850 < holdout.gate_users([str(number) for number in range(100_000)]).sum() < 1150


def test_at_most_5000_are_gate_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more, those with the smallest hashes are, so that it stays a fixed set."""
    assert holdout.MOST_GATE_USERS == 5000
    ids = [str(number) for number in range(10_000)]
    all_gates = holdout.gate_users(ids)
    monkeypatch.setattr(holdout, "MOST_GATE_USERS", 50)
    is_gate, keys = holdout.gate_users(ids), holdout.hashes(ids, "gate")
    assert (is_gate.sum(), all_gates.sum() > 50) == (50, True)
    assert keys[is_gate].max() < keys[all_gates & ~is_gate].min()


def test_the_latest_fifth_is_held_out(held_out: HeldOut) -> None:
    """Of ten items the two latest, of two to nine one, of one none."""
    times = {
        1: {item: 100.0 - item for item in range(10)},
        2: {5: 1.0, 6: 2.0},
        3: {item: float(item) for item in range(9)},
        4: {7: 1.0},
    }
    assert held_out(times) == {1: [0, 1], 2: [6], 3: [8], 4: []}


@given(
    st.dictionaries(
        st.integers(0, 30),
        st.dictionaries(st.integers(0, 30), st.sampled_from([1.0, 2.0]), min_size=1),
        min_size=1,
    ),
    st.booleans(),
)
def test_what_is_held_out_of_a_user_does_not_depend_on_others(
    held_out: HeldOut,
    times: dict[int, dict[int, float]],
    timeless: bool,
) -> None:
    """With equal times, or none, the pair's hash decides; it is the same in any company."""
    if timeless:
        times = {user: dict.fromkeys(history, np.nan) for user, history in times.items()}
    together = held_out(times)
    for user, history in times.items():
        assert held_out({user: history}) == {user: together[user]}
        assert len(together[user]) == (max(1, len(history) // 5) if len(history) > 1 else 0)


@given(st.lists(st.lists(st.sampled_from([1.0, 2.0, 3.0]), max_size=5)), st.integers(1, 9))
def test_portions_do_not_matter(times: list[list[float]], rows: int) -> None:
    """With any number of rows in a portion, each row counts the later ones of its user."""
    user = np.repeat(np.arange(len(times), dtype=np.int32), [len(of_user) for of_user in times])
    table = pd.DataFrame({"user": user, "time": [time for of_user in times for time in of_user]})
    pairs = np.arange(len(table), dtype=np.uint64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holdout, "_ROWS_AT_ONCE", rows)
        later = holdout.later(table.astype({"time": np.float64}), pairs)
    ranks = [
        sorted(range(len(of_user)), key=lambda n, of_user=of_user: (of_user[n], n))
        for of_user in times
    ]
    assert later.tolist() == [
        len(of_user) - 1 - order.index(n)
        for of_user, order in zip(times, ranks, strict=True)
        for n in range(len(of_user))
    ]


def test_without_times_no_place_is_preferred(held_out: HeldOut) -> None:
    """Hashes hold out every item now and then, and another one for another user."""
    items = dict.fromkeys(range(5), float("nan"))
    held = held_out(dict.fromkeys(range(200), items))
    counts = np.bincount([item for items in held.values() for item in items], minlength=5)
    assert counts.min() > 15


def test_an_empty_table_is_possible(held_out: HeldOut) -> None:
    """An empty table has nothing to hold out."""
    assert held_out({}) == {}
    assert holdout.gate_users([]).tolist() == []


def test_hashes_of_different_purposes_differ() -> None:
    """A user's hash for the gate is independent of the hashes of pairs."""
    assert holdout.hashes(["u"], "gate") != holdout.hashes(["u"], "pair")
