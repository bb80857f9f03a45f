"""Parameters of a peer, chosen on a part of the train part: never on the test part."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

import lists
from lists import Scores

MOST_USERS = 1_000  # by whom is chosen
_SEED = 20_180_523
Value = float | str
ScoresOf = Callable[[sparse.csr_matrix, dict[str, Value]], Scores]


@dataclass(frozen=True)
class Choice:
    """The best parameters of a grid, and their mean NDCG@20 on the validation part."""

    parameters: dict[str, Value]
    ndcg: float


def choose(
    scores_of: ScoresOf,
    grid: Mapping[str, Sequence[Value]],
    train: sparse.csr_matrix,
    validation: sparse.csr_matrix,
) -> Choice:
    """Return the point of a grid with the best NDCG@20; of equal ones the first.

    scores_of: fits with some parameters, and returns how the fit scores.
    train, validation: users × items of 1; the second is a part of the first.
    """
    kept = sparse.csr_matrix(train - validation)
    kept.eliminate_zeros()
    points = [dict(zip(grid, point, strict=True)) for point in itertools.product(*grid.values())]
    ndcg = [_ndcg(scores_of(kept, point), kept, validation) for point in points]
    best = int(np.argmax(ndcg))
    return Choice(points[best], ndcg[best])


def _ndcg(scores: Scores, kept: sparse.csr_matrix, validation: sparse.csr_matrix) -> float:
    """Return the mean NDCG@20 of at most `MOST_USERS` users."""
    with_pairs = np.flatnonzero(np.diff(validation.indptr))
    users = np.random.default_rng(_SEED).permutation(with_pairs)[:MOST_USERS]
    shown = lists.top(lambda places: scores(users[places]), kept[users])
    return float(lists.accuracy(shown, validation[users])[1].mean())
