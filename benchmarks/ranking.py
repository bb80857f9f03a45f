"""From scores to lists, and from lists to accuracy: one way for every method."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import sparse

K = 20
USERS_AT_ONCE = 500
RESAMPLES = 1_000
PARTS = 600
Floats = npt.NDArray[np.floating]
Places = npt.NDArray[np.integer]
Scores = Callable[[Places], Floats | sparse.csr_matrix | sparse.csr_array]
_DISCOUNTS = 1 / np.log2(np.arange(2, K + 2))
_IDEAL = np.cumsum(_DISCOUNTS)


def top(scores: Scores, train: sparse.csr_matrix) -> Places:
    """Return the items with the highest scores for every user, int32, best first, users × 20.

    Items of the train part are left out, and so are those that a sparse method says nothing
    about: the list is filled up with -1. Ties go to the smaller place.
    """
    lists = np.full((train.shape[0], K), -1, np.int32)
    for start in range(0, len(lists), USERS_AT_ONCE):
        users = np.arange(start, min(start + USERS_AT_ONCE, len(lists)))
        block = _dense(scores(users))
        block[train[users].nonzero()] = -np.inf
        for user, row in zip(users, block, strict=True):
            ranked = _best(row)
            lists[user, : len(ranked)] = ranked
    return lists


def _dense(scores: Floats | sparse.csr_matrix | sparse.csr_array) -> Floats:
    if isinstance(scores, np.ndarray):
        return scores
    dense = np.full(scores.shape, -np.inf, np.float32)
    dense[np.repeat(np.arange(len(dense)), np.diff(scores.indptr)), scores.indices] = scores.data
    return dense


def _best(row: Floats) -> Places:
    """Return the best of one row; only what is not below 20 parts' maxima is sorted."""
    maxima = np.maximum.reduceat(row, np.arange(0, len(row), 1 + len(row) // PARTS))
    bound = np.sort(maxima)[-K:][0]
    items = np.flatnonzero((row >= bound) & (row > -np.inf))
    return items[np.argsort(-row[items], kind="stable")][:K]


def accuracy(lists: Places, test: sparse.csr_matrix) -> tuple[Floats, Floats]:
    """Return Recall@20 and NDCG@20 of each user who has something in the test part.

    Recall is hits over the user's test items; NDCG has binary gains and an ideal DCG over
    min(20, test items).
    """
    wanted = np.diff(test.indptr)
    asked = np.flatnonzero(wanted)
    wanted, hits = wanted[asked], _hits(lists[asked], test[asked])
    return hits.sum(axis=1) / wanted, hits @ _DISCOUNTS / _IDEAL[np.minimum(K, wanted) - 1]


def _hits(lists: Places, test: sparse.csr_matrix) -> npt.NDArray[np.bool_]:
    """Return for each entry of users × 20 whether that user's test part has it."""
    pairs = np.arange(len(lists))[:, None] * test.shape[1] + lists
    row, item = test.nonzero()
    return np.isin(pairs, row.astype(np.int64) * test.shape[1] + item) & (lists >= 0)


def interval(values: Floats) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean over users."""
    random = np.random.default_rng(0)
    means = [values[random.integers(0, len(values), len(values))].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
