"""The compiled kernel alone: sums and rankings against dense ones, and damaged matrices."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_scorer.engine.accumulator import Accumulator
from modelsystem_shared.numeric.arrays import Float32s
from modelsystem_shared.numeric.model import Rows, index_type

AMOUNTS = st.one_of(
    st.sampled_from([0.0, -0.0, 0.5, -0.5, 1e-45, 3e38]),  # equal, cancelling, tiny, overflowing
    st.floats(-4, 4, width=32),
)


def matrix(rows: Sequence[dict[int, float]]) -> tuple[Rows, Float32s]:
    """Return a square matrix in the form of a model's."""
    ends = np.cumsum([len(row) for row in rows], dtype=np.int64)
    indices = np.array([i for row in rows for i in row], index_type(len(rows)))
    return Rows(indices, ends), np.array([v for row in rows for v in row.values()], np.float32)


def dense(
    rows: Sequence[dict[int, float]], items: Sequence[int], weights: Float32s | None
) -> Float32s:
    """Return all scores, added up in float32 in the order of the items."""
    total = np.zeros(len(rows), np.float32)
    for place, item in enumerate(items):
        weight = np.float32(1) if weights is None else weights[place]
        for index, value in rows[item].items():
            total[index] += np.float32(value) * weight
    return total


def ranked(scores: Float32s, k: int, allowed: Sequence[int]) -> tuple[list[int], list[float]]:
    """Return the ranking, by a sort of the positive scores."""
    items = sorted((i for i in allowed if scores[i] > 0), key=lambda i: (-scores[i], i))[:k]
    return items, scores[items].tolist()


@st.composite
def matrices(draw: st.DrawFn) -> list[dict[int, float]]:
    """Draw rows of a square matrix, some of them empty or full."""
    size = draw(st.integers(1, 12))
    row = st.dictionaries(st.integers(0, size - 1), AMOUNTS, max_size=size)
    return draw(st.lists(row, min_size=size, max_size=size))


@given(rows=matrices(), data=st.data())
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_equals_a_dense_computation(rows: list[dict[int, float]], data: st.DataObject) -> None:
    """Rankings and scores are those of dense arrays, to the last bit, call after call."""
    accumulator = Accumulator(*matrix(rows))
    subsets = st.lists(st.integers(0, len(rows) - 1), unique=True)
    for _ in range(3):
        items = data.draw(subsets)
        counts = st.lists(AMOUNTS, min_size=len(items), max_size=len(items))
        drawn = data.draw(st.none() | counts)
        weights = None if drawn is None else np.array(drawn, np.float32)
        k, excluded = data.draw(st.integers(0, 15)), data.draw(subsets)
        candidates = data.draw(st.none() | subsets)
        scores = dense(rows, items, weights)
        ranked_items = range(len(rows)) if candidates is None else candidates
        expected = ranked(scores, k, [i for i in ranked_items if i not in excluded])
        assert accumulator.best(items, weights, k, excluded, candidates) == expected
        all_scores = accumulator.scores(items, weights, list(range(len(rows))))
        np.testing.assert_array_equal(np.array(all_scores, np.float32), scores)


@pytest.mark.parametrize("size", [1, 256, 257, 65536, 65537])
def test_indices_of_any_width_in_a_mapped_file(size: int, tmp_path: Path) -> None:
    """The first and the last item are read, also from a read-only array."""
    rows, values = matrix([{0: 1.0, size - 1: 2.0}] + [{}] * (size - 1))
    np.save(tmp_path / "indices.npy", rows.indices)
    mapped = np.load(tmp_path / "indices.npy", mmap_mode="r")
    accumulator = Accumulator(Rows(mapped, rows.ends), values)
    expected = [size - 1, 0] if size > 1 else [0]
    assert accumulator.best([0], None, 5, [], None)[0] == expected


def best(scores: Float32s, k: int) -> list[int]:
    """Return the ranking of the scores in a single row."""
    rows = [dict(enumerate(scores.tolist()))] + [{}] * (len(scores) - 1)
    return Accumulator(*matrix(rows)).best([0], None, k, [], None)[0]


def test_equal_scores_are_ranked_by_index() -> None:
    """Of equal scores the first ones come first, also if k cuts them."""
    scores = np.array([0, 2, 0, 0, 3, 2, 0, 3, 0, 2], np.float32)
    assert best(scores, 4) == [4, 7, 1, 5]
    assert best(scores, 1) == [4]
    assert best(scores, 9) == [4, 7, 1, 5, 9]


@pytest.mark.parametrize("k", [1, 3, 20, 200])
def test_the_best_of_many_are_those_of_a_sort(k: int) -> None:
    """For any length, and with many equal scores, a stable sort agrees."""
    random = np.random.default_rng(k)
    for length in (1, 511, 1024, 1025, 4096, 9999):
        scores = np.round(random.normal(size=length) * 4).astype(np.float32)
        expected = [i for i in np.argsort(-scores, kind="stable").tolist() if scores[i] > 0][:k]
        assert best(scores, k) == expected


def test_negative_scores_are_not_ranked() -> None:
    """Fewer than k items are returned instead."""
    for k in (1, 2, 3):
        assert best(np.array([-1, 0.5, -2], np.float32), k) == [1]


def test_sums_can_come_back_to_zero_again_and_again() -> None:
    """Each time the item counts as new, and is still listed once."""
    accumulator = Accumulator(*matrix([{2: 1.0}, {2: -1.0}, {}]))
    for _ in range(3):
        assert accumulator.best([0, 1] * 50 + [0], None, 3, [], None) == ([2], [1.0])
        assert accumulator.scores([0, 1] * 50, None, [2]) == [0.0]


DAMAGED: dict[str, tuple[list[int], list[int]]] = {
    "an index beyond the items": ([1, 7, 2, 0], [2, 3, 4]),
    "a row beyond the matrix": ([1, 2, 2, 0], [2, 9, 4]),
    "a row that ends before it begins": ([1, 2, 2, 0], [2, 1, 4]),
    "a row before the matrix": ([1, 2, 2, 0], [-1, 3, 4]),
}


@pytest.mark.parametrize(("indices", "ends"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_matrix_is_an_error(indices: list[int], ends: list[int]) -> None:
    """Nothing outside the matrix is read or written, and the next call is right."""
    rows = Rows(np.array(indices, np.uint8), np.array(ends, np.int64))
    accumulator = Accumulator(rows, np.ones(4, np.float32))
    for _ in range(2):
        with pytest.raises(IndexError):
            accumulator.best([0, 1], None, 2, [], None)
        with pytest.raises(IndexError):
            accumulator.scores([0, 1], None, [2])
    assert accumulator.best([], None, 2, [], [0, 1, 2]) == ([], [])


ABSENT: list[dict[str, Any]] = [{"items": [0, 2]}, {"excluded": [-1]}, {"candidates": [10**9]}]


@pytest.mark.parametrize("absent", ABSENT, ids=str)
def test_an_unknown_item_is_an_error(absent: dict[str, Any]) -> None:
    """In any argument; and the next call is right."""
    accumulator = Accumulator(*matrix([{0: 1.0, 1: 2.0}, {1: 3.0}]))
    arguments = {"items": [0, 1], "weights": None, "k": 2, "excluded": [], "candidates": None}
    with pytest.raises(IndexError, match="is not in the matrix"):
        accumulator.best(**arguments | absent)
    assert accumulator.best(**arguments) == ([1, 0], [5.0, 1.0])


def test_arrays_that_do_not_fit_are_refused() -> None:
    """Wrong types, wrong lengths, and a wrong number of weights."""
    rows, values = matrix([{0: 1.0, 1: 2.0}, {1: 3.0}])
    for indices, amounts in [
        (rows.indices.astype(np.int64), values),
        (rows.indices.astype(">u2"), values),
        (rows.indices, values[:2]),
        (rows.indices, values.astype(float)),
    ]:
        with pytest.raises(ValueError):  # noqa: PT011  # numpy's own message
            Accumulator(Rows(indices, rows.ends), amounts)
    with pytest.raises(ValueError, match="2 items have 1 weights"):
        Accumulator(rows, values).best([0, 1], np.ones(1, np.float32), 2, [], None)
