"""One row for each pair, by the stated rule."""

import math
from collections import defaultdict
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_trainer.ingest.merging import merged

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
def test_of_several_rows_one_is_made(is_rating: bool, rows: list[Row]) -> None:
    """Weights are added, of ratings the latest counts, and the highest where times are equal."""
    pairs = defaultdict(list)
    for user, item, weight, time in rows:
        pairs[user, item].append((time, weight))
    found = table_of(rows, weighted=True, timed=True, is_rating=is_rating)
    assert [row[:2] for row in found] == sorted(pairs)
    for user, item, weight, time in found:
        own = pairs[user, item]
        assert time == max(own)[0]
        expected = max(own)[1] if is_rating else math.fsum(weight for _, weight in own)
        assert weight == pytest.approx(expected)


@given(some_rows)
def test_without_weights_rows_are_counted(rows: list[Row]) -> None:
    """A pair weighs as many as its rows, and has no time where the data has none."""
    found = table_of(rows, weighted=False, timed=False, is_rating=False)
    pairs = [row[:2] for row in rows]
    assert [row[:3] for row in found] == [(*pair, pairs.count(pair)) for pair in sorted(set(pairs))]
    assert all(math.isnan(row[3]) for row in found)


@pytest.mark.parametrize("is_rating", [False, True])
@given(some_rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    is_rating: bool, rows: list[Row], random: Random
) -> None:
    """Sums of the same weights are the same to the bit."""
    shuffled = list(rows)
    random.shuffle(shuffled)
    for timed in (False, True):
        one, other = (
            table_of(each, weighted=True, timed=timed, is_rating=is_rating)
            for each in (rows, shuffled)
        )
        assert [row[:3] for row in one] == [row[:3] for row in other]
