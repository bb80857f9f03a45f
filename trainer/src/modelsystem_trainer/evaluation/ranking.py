"""Ranked lists: what a recommender shows to users, and which of it was held out from them."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from modelsystem_shared.numeric import ranking
from modelsystem_shared.numeric.arrays import Float32s, Float64s, Indices, Mask
from modelsystem_shared.numeric.ranking import K
from modelsystem_trainer.fit import LowRank

MOST_USERS = 20_000
_USERS_AT_ONCE = 1_000
_DENSE = 4  # a matrix with an entry in every fourth place is handled as a dense one
OnShare = Callable[[float], None]
Recommend = Callable[[Indices, int], Iterator[Indices]]
# A compiled loop, and its arguments after the histories.
Kernel = tuple[Callable[..., None], tuple[Any, ...]]  # Any: the types of numba's arguments


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


def by_similarity(
    history: sparse.csr_array,
    similarity: sparse.csr_array | Float32s,
    threads: int = 1,
    term: LowRank | None = None,
) -> Recommend:
    """Recommend by the model: a user's scores are the sum of the rows of the user's items.

    history: users × items, how much each of a user's items counts.
    term: a low-rank term that is added to the similarity; none of its entries is cut.
    As in the scorer, only items with a positive score are ranked, equal scores by place.
    """
    rank, weights = _kernel(history, similarity, term)
    of_users = (history.indptr, history.indices, history.data)

    def recommend(users: Indices, k: int) -> Iterator[Indices]:
        shown = np.empty((len(users), k), np.int32)
        places = np.array_split(np.arange(len(users)), threads)

        def fill(part: Indices) -> None:
            lists = np.empty((len(part), k), np.int32)
            rank(users[part], *of_users, *weights, lists)
            shown[part] = lists

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(fill, places))
        return (row[row >= 0] for row in shown)

    return recommend


def _kernel(
    history: sparse.csr_array, similarity: sparse.csr_array | Float32s, term: LowRank | None
) -> Kernel:
    """Return the compiled loop for a similarity, and its arguments after the histories."""
    from modelsystem_trainer.evaluation import kernels  # noqa: PLC0415  # numba is slow to import

    if not isinstance(similarity, np.ndarray):
        if similarity.nnz * _DENSE <= history.shape[1] ** 2:
            return _sparse_kernel(history, similarity, term)
        similarity = similarity.toarray()  # adding up arrays is far quicker
    none = np.zeros((history.shape[1], 0), np.float32)
    left, right = (term.left, term.right) if term else (none, none)
    return kernels.rank_dense, (similarity, history @ left, np.ascontiguousarray(right.T))


def _sparse_kernel(
    history: sparse.csr_array, similarity: sparse.csr_array, term: LowRank | None
) -> Kernel:
    from modelsystem_trainer.evaluation import kernels  # noqa: PLC0415  # numba is slow to import

    parts = (similarity.indptr, similarity.indices, similarity.data)
    if term is None:
        return kernels.rank, parts
    head = term.head
    right = np.ascontiguousarray(term.right[head].T)
    return kernels.rank_with_factors, (*parts, history @ term.left, right, head)


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


def _row(matrix: sparse.csr_array, row: int) -> Indices:
    """Return the columns of a row's entries."""
    columns: Indices = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]
    return columns
