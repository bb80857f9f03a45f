"""The merging of rows of the same pair."""

import math
from collections import defaultdict
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_trainer.reading.merging import merged

Row = tuple[int, int, float, float]
numbers = st.integers(0, 4)
some_rows = st.lists(
    st.tuples(numbers, numbers, st.sampled_from([0.1, 0.2, 0.7, 3.0]), st.sampled_from([1.0, 2.0])),
    min_size=1,
)


def table_of(rows: list[Row], *, weighted: bool, timed: bool, is_rating: bool) -> list[Row]:
    user, item, weight, time = (np.array(column) for column in zip(*rows, strict=True))
    table = merged(
        user.astype(np.int32),
        item.astype(np.int32),
        weight if weighted else None,
        time if timed else None,
        is_rating=is_rating,
    )
    assert table.dtypes.astype(str).tolist() == ["int32", "int32", "float64", "float64"]
    return list(table.itertuples(index=False, name=None))


@pytest.mark.parametrize("is_rating", [False, True])
@given(some_rows)
def test_rows_of_a_pair_are_merged(is_rating: bool, rows: list[Row]) -> None:
    """Weights are added, of ratings the latest counts, and the highest if times are equal."""
    pairs = defaultdict(list)
    for user, item, weight, time in rows:
        pairs[user, item].append((time, weight))
    table = table_of(rows, weighted=True, timed=True, is_rating=is_rating)
    assert [row[:2] for row in table] == sorted(pairs)
    for user, item, weight, time in table:
        of_pair = pairs[user, item]
        assert time == max(of_pair)[0]
        expected = max(of_pair)[1] if is_rating else math.fsum(weight for _, weight in of_pair)
        assert weight == pytest.approx(expected)


@given(some_rows)
def test_without_weights_rows_are_counted(rows: list[Row]) -> None:
    """The weight of a pair is the number of its rows; its time is NaN."""
    table = table_of(rows, weighted=False, timed=False, is_rating=False)
    pairs = [row[:2] for row in rows]
    assert [row[:3] for row in table] == [(*pair, pairs.count(pair)) for pair in sorted(set(pairs))]
    assert all(math.isnan(row[3]) for row in table)


@pytest.mark.parametrize("is_rating", [False, True])
@given(some_rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    is_rating: bool, rows: list[Row], random: Random
) -> None:
    """Sums of the same weights are the same to the bit."""
    shuffled = list(rows)
    random.shuffle(shuffled)
    for timed in (False, True):
        table, of_shuffled = (
            table_of(ordered, weighted=True, timed=timed, is_rating=is_rating)
            for ordered in (rows, shuffled)
        )
        assert [row[:3] for row in table] == [row[:3] for row in of_shuffled]
