"""From scores to lists, and from lists to accuracy: the same way for every method."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import sparse

from modelsystem_shared.numeric import ranking
from modelsystem_shared.numeric.arrays import Float64s, Indices, Mask
from modelsystem_shared.numeric.ranking import K

USERS_AT_ONCE = 500
PARTS = 600
Floats = npt.NDArray[np.floating]  # float32 or float64, as the method has it
Scores = Callable[[Indices], Floats | sparse.csr_matrix | sparse.csr_array]


def top(scores: Scores, train: sparse.csr_matrix) -> Indices:
    """Return the items with the highest scores for every user, int32, best first, users × 20.

    Items of the train part are left out, and so are items without a score of a sparse method: then
    the list ends with -1. Ties go to the smaller place.
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


def _best(row: Floats) -> Indices:
    """Return the best items of a row; it sorts only those above the 20th highest part's maximum."""
    maxima = np.maximum.reduceat(row, np.arange(0, len(row), 1 + len(row) // PARTS))
    bound = np.sort(maxima)[-K:][0]
    items = np.flatnonzero((row >= bound) & (row > -np.inf))
    return items[np.argsort(-row[items], kind="stable")][:K]


def accuracy(lists: Indices, test: sparse.csr_matrix) -> tuple[Float64s, Float64s]:
    """Return Recall@20 and NDCG@20 of each user with items in the test part."""
    counts = np.diff(test.indptr)
    users = np.flatnonzero(counts)
    marks = _hits(lists[users], test[users])
    return ranking.recall(marks, counts[users]), ranking.ndcg(marks, counts[users])


def _hits(lists: Indices, test: sparse.csr_matrix) -> Mask:
    """Return users × 20: whether the item at this place is in that user's test part."""
    pairs = np.arange(len(lists))[:, None] * test.shape[1] + lists
    row, item = test.nonzero()
    return np.isin(pairs, row.astype(np.int64) * test.shape[1] + item) & (lists >= 0)


def interval(values: Float64s) -> tuple[float, float]:
    """Return the 95 % interval of a mean over users."""
    (estimate,) = ranking.estimate(values[:, None])
    return estimate.low, estimate.high
