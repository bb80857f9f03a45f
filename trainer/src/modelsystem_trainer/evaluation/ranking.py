"""Asking a model: rank items for users whose history it is given, mark what was held out.

What comes of it is in `metrics`; the search needs one figure only, and takes it from here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

K = 20
MOST_USERS = 20_000
_USERS_AT_ONCE = 1_000
_DENSE = 4  # a matrix with one entry in so many is dense
Places = npt.NDArray[np.integer]
Floats = npt.NDArray[np.float64]
OnShare = Callable[[float], None]
Recommend = Callable[[Places, int], Iterator[Places]]


@dataclass(frozen=True)
class Lists:
    """What some users were shown, and how much of it was held out from them.

    shown: users × k places of items (int32), best first, -1 where nothing is shown.
    hits: users × k, whether this item was held out.
    wanted: for each user how many items were held out.
    """

    shown: Places
    hits: npt.NDArray[np.bool_]
    wanted: Places

    @property
    def ndcg(self) -> float:
        """The mean NDCG over the whole lists; 0 where nobody was asked."""
        values = self.user_ndcg(self.shown.shape[1])
        return float(values.mean()) if len(values) else 0.0

    def user_recall(self, k: int) -> Floats:
        """Return for each user the share of their held-out items among the first k."""
        found: Floats = self.hits[:, :k].sum(axis=1) / np.maximum(self.wanted, 1)
        return found

    def user_ndcg(self, k: int) -> Floats:
        """Return each user's NDCG@k: binary gains; the ideal is over min(k, held-out) items."""
        discounts = 1 / np.log2(np.arange(2, k + 2))
        ideal = np.concatenate([[1.0], np.cumsum(discounts)])  # 1: nothing wanted, nothing got
        hits = self.hits[:, :k]
        gained = np.where(hits, discounts[: hits.shape[1]], 0).sum(axis=1)
        found: Floats = gained / ideal[np.minimum(self.wanted, k)]
        return found

    def of(self, users: npt.NDArray[np.bool_]) -> "Lists":
        """Return the lists of some of the users."""
        return Lists(self.shown[users], self.hits[users], self.wanted[users])


def evaluate(
    recommend: Recommend,
    truth: sparse.csr_array,
    users: Places,
    on_share: OnShare = lambda _: None,
    k: int = K,
) -> Lists:
    """Compare what is recommended to `users` with `truth`, users × items."""
    return compared(ask(recommend, users, k, on_share), truth[users])


def ask(recommend: Recommend, users: Places, k: int, on_share: OnShare = lambda _: None) -> Places:
    """Return users × k items, as `Lists.shown` holds them.

    `recommend` yields for each of some users up to k items, best first.
    """
    shown = np.full((len(users), k), -1, np.int32)
    for start in range(0, len(users), _USERS_AT_ONCE):
        some = users[start : start + _USERS_AT_ONCE]
        for place, ranked in enumerate(recommend(some, k), start):
            shown[place, : len(ranked)] = ranked
        on_share((start + len(some)) / len(users))
    return shown


def compared(shown: Places, truth: sparse.csr_array) -> Lists:
    """Mark the hits of lists; row r of `truth` holds what row r of `shown` should name."""
    wanted = np.diff(truth.indptr)
    first = np.arange(len(shown)) * truth.shape[1]  # so that a pair is one number
    pairs = np.repeat(first, wanted) + truth.indices
    hits = np.isin(first[:, None] + shown, pairs) & (shown >= 0)
    return Lists(shown, hits, wanted)


def by_similarity(history: sparse.csr_array, similarity: sparse.csr_array) -> Recommend:
    """Recommend by the model: a user's scores are the sum of their items' rows.

    history: users × items, how much each of a user's items counts.
    As in the scorer, only items with a positive score are ranked, equal ones by place.
    """
    n_items = history.shape[1]
    unseen = np.ones(n_items, bool)  # but for one user's moment: far below a set's cost
    is_dense = similarity.nnz * _DENSE > n_items**2  # then adding up arrays is far quicker
    weights = similarity.toarray() if is_dense else similarity

    def recommend(users: Places, k: int) -> Iterator[Places]:
        scores = sparse.csr_array(history[users] @ weights)
        for row, user in enumerate(users):
            candidates, seen = row_of(scores, row), row_of(history, user)
            value = scores.data[scores.indptr[row] : scores.indptr[row + 1]]
            unseen[seen] = False
            kept = unseen[candidates] & (value > 0)
            unseen[seen] = True
            yield top(candidates[kept], value[kept], k)

    return recommend


def by_popularity(history: sparse.csr_array, counts: npt.NDArray[np.generic]) -> Recommend:
    """Recommend to everybody the items with the highest counts, except what they have."""
    order = np.argsort(-counts.astype(np.float64), kind="stable")
    unseen = np.ones(len(order), bool)

    def recommend(users: Places, k: int) -> Iterator[Places]:
        for user in users:
            seen = row_of(history, user)
            first = order[: k + len(seen)]
            unseen[seen] = False
            kept = unseen[first]
            unseen[seen] = True
            yield first[kept][:k]

    return recommend


def top(items: Places, scores: npt.NDArray[np.float32], k: int) -> Places:
    """Return the up to k items with the highest scores, best first, ties by smaller place."""
    if len(items) > k:
        least = np.partition(scores, len(scores) - k)[len(scores) - k]
        kept = scores >= least
        items, scores = items[kept], scores[kept]
    return items[np.lexsort((items, -scores))][:k]


def row_of(matrix: sparse.csr_array, row: int) -> Places:
    """Return the columns of a row."""
    return matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]
