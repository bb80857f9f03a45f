"""Ranked lists: what a recommender shows to users, and which of it was held out from them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from modelsystem_shared.numeric import ranking
from modelsystem_shared.numeric.arrays import Float32s, Float64s, Indices, Mask
from modelsystem_shared.numeric.ranking import K

MOST_USERS = 20_000
_USERS_AT_ONCE = 1_000
_DENSE = 4  # a matrix with an entry in every fourth place is handled as a dense one
OnShare = Callable[[float], None]
Recommend = Callable[[Indices, int], Iterator[Indices]]


@dataclass(frozen=True)
class Lists:
    """The lists of some users.

    shown: users × k, places of items (int32), best first, -1 after a list's end.
    hits: users × k, whether the item was held out.
    held_out: for each user the number of held-out items.
    """

    shown: Indices
    hits: Mask
    held_out: Indices

    @property
    def ndcg(self) -> float:
        """The mean NDCG over the whole lists; 0 without users."""
        values = self.user_ndcg(self.shown.shape[1])
        return float(values.mean()) if len(values) else 0.0

    def user_recall(self, k: int) -> Float64s:
        """Return each user's Recall@k."""
        return ranking.recall(self.hits, self.held_out, k)

    def user_ndcg(self, k: int) -> Float64s:
        """Return each user's NDCG@k."""
        return ranking.ndcg(self.hits, self.held_out, k)

    def of(self, users: Mask) -> "Lists":
        """Return the lists of some of the users."""
        return Lists(self.shown[users], self.hits[users], self.held_out[users])


def evaluate(
    recommend: Recommend,
    truth: sparse.csr_array,
    users: Indices,
    on_share: OnShare = lambda _: None,
    k: int = K,
) -> Lists:
    """Return the lists of `users`, compared with `truth`, users × items."""
    return compared(recommended(recommend, users, k, on_share), truth[users])


def recommended(
    recommend: Recommend, users: Indices, k: int, on_share: OnShare = lambda _: None
) -> Indices:
    """Return users × k items, as `Lists.shown` holds them.

    `recommend` yields for each of the users up to k items, best first.
    """
    shown = np.full((len(users), k), -1, np.int32)
    for start in range(0, len(users), _USERS_AT_ONCE):
        portion = users[start : start + _USERS_AT_ONCE]
        for row, ranked in enumerate(recommend(portion, k), start):
            shown[row, : len(ranked)] = ranked
        on_share((start + len(portion)) / len(users))
    return shown


def compared(shown: Indices, truth: sparse.csr_array) -> Lists:
    """Mark the hits of lists; row r of `truth` holds the held-out items of row r of `shown`."""
    held_out = np.diff(truth.indptr)
    first = np.arange(len(shown)) * truth.shape[1]  # so that a pair is one number
    pairs = np.repeat(first, held_out) + truth.indices
    hits = np.isin(first[:, None] + shown, pairs) & (shown >= 0)
    return Lists(shown, hits, held_out)


def by_similarity(history: sparse.csr_array, similarity: sparse.csr_array) -> Recommend:
    """Recommend by the model: a user's scores are the sum of the rows of the user's items.

    history: users × items, how much each of a user's items counts.
    As in the scorer, only items with a positive score are ranked, equal scores by place.
    """
    n_items = history.shape[1]
    is_unseen = np.ones(n_items, bool)  # changed for one user and changed back: cheaper than a set
    is_dense = similarity.nnz * _DENSE > n_items**2  # then adding up arrays is far quicker
    weights = similarity.toarray() if is_dense else similarity

    def recommend(users: Indices, k: int) -> Iterator[Indices]:
        scores = sparse.csr_array(history[users] @ weights)
        for row, user in enumerate(users):
            candidates, seen = _row(scores, row), _row(history, user)
            value = scores.data[scores.indptr[row] : scores.indptr[row + 1]]
            is_unseen[seen] = False
            is_ranked = is_unseen[candidates] & (value > 0)
            is_unseen[seen] = True
            yield top(candidates[is_ranked], value[is_ranked], k)

    return recommend


def by_popularity(
    history: sparse.csr_array, popularity: Indices | Float32s | Float64s
) -> Recommend:
    """Recommend the same to all users: the most popular items, without a user's own.

    popularity: of each item, in any unit.
    """
    order = np.argsort(-popularity.astype(np.float64), kind="stable")
    is_unseen = np.ones(history.shape[1], bool)

    def recommend(users: Indices, k: int) -> Iterator[Indices]:
        for user in users:
            seen = _row(history, user)
            first = order[: k + len(seen)]
            is_unseen[seen] = False
            is_ranked = is_unseen[first]
            is_unseen[seen] = True
            yield first[is_ranked][:k]

    return recommend


def top(items: Indices, scores: Float32s, k: int) -> Indices:
    """Return the at most k items with the highest scores, best first, ties by smaller place."""
    if len(items) > k:
        least = np.partition(scores, len(scores) - k)[len(scores) - k]
        is_high = scores >= least
        items, scores = items[is_high], scores[is_high]
    return items[np.lexsort((items, -scores))][:k]


def _row(matrix: sparse.csr_array, row: int) -> Indices:
    """Return the columns of a row's entries."""
    columns: Indices = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]
    return columns
