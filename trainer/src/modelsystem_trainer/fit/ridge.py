"""Neighbourhood ridge: each item explained by its M strongest candidates, in closed form.

With G = Xᵀ diag(d_u^-a) X (user degrees d relative to their mean) and its diagonal g, for
each item j the candidates C are the M items i with the largest G_ij · g_i^-e, and

    ( G[C,C] + diag( λ · (g_C / mean g)^β ) ) w = G[C,j]

is EASE (Steck 2019, doi 10.1145/3308558.3313710) or SLIM (Ning and Karypis 2011, doi
10.1109/ICDM.2011.134) restricted to a neighbourhood; where M reaches all items it is EASE
itself, which is the method `dense`. The restriction makes it linear in the number of items.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from modelsystem_shared.model import index_type
from modelsystem_trainer.fit.cooccurrence import top_products
from modelsystem_trainer.fit.parameters import Parameters
from modelsystem_trainer.fit.weighing import degrees, ridge_of, user_weights

_AT_ONCE = 256  # rows of G, or targets, in one task
_BYTES_OF_AN_ENTRY = 8


@dataclass(frozen=True)
class _Gram:
    """G below its diagonal, as CSR with int64 ends, and its diagonal, both float32.

    columns: the smallest unsigned type that holds them.
    """

    ends: npt.NDArray[np.int64]
    columns: npt.NDArray[np.unsignedinteger]
    values: npt.NDArray[np.float32]
    diagonal: npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Regressions:
    """For each target its candidates (int32, targets × M, ascending), and how many they are.

    weights: float32, targets × M, G[C, j] at first and w when solved.
    strongest: for each target its first candidate by strength, -1 where it has none.
    """

    candidates: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]
    strongest: npt.NDArray[np.int32]

    @property
    def used(self) -> npt.NDArray[np.bool_]:
        """Which places hold a candidate."""
        return np.arange(self.candidates.shape[1]) < self.counts[:, None]


def similarities(
    x: sparse.csr_array, p: Parameters, neighbours: int, threads: int
) -> sparse.csr_array:
    """Return W: row i holds the weights of source i for its targets, float32.

    x: users × items, float32. Each target has at most `neighbours` sources.
    """
    # By falling popularity: the triangle below the diagonal then has short rows where the
    # candidates of most items are.
    order = np.argsort(-degrees(x), kind="stable")
    popular_first = x[:, order].sorted_indices()
    weights = user_weights(x, p.a)
    gram = _gram(popular_first, weights, threads)
    damping = _damping(gram, p.e)
    most = min(neighbours, x.shape[1])
    candidates = top_products(popular_first, weights, damping, most, threads)
    regressions = _regressions(candidates, damping, most)
    _solve(gram, regressions, p, threads)
    return _by_source(regressions, order)


def bytes_at_most(user_counts: npt.NDArray[np.int64], items: int, neighbours: int) -> int:
    """Return what G and the regressions can need at the very most, in bytes.

    user_counts: how many of the `items` each user chose.
    """
    pairs = min(int((user_counts * (user_counts - 1) // 2).sum()), items * (items - 1) // 2)
    return (pairs + items * min(neighbours, items)) * _BYTES_OF_AN_ENTRY


def _gram(x: sparse.csr_array, weights: npt.NDArray[np.float64], threads: int) -> _Gram:
    data = (x.data * np.repeat(weights, np.diff(x.indptr))).astype(np.float32)
    weighted = sparse.csr_array((data, x.indices, x.indptr), shape=x.shape)
    by_item = x.T.tocsr()

    def below_diagonal(first: int) -> sparse.csr_array:
        rows = by_item[first : first + _AT_ONCE] @ weighted
        return sparse.csr_array(sparse.tril(rows, first - 1))

    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(below_diagonal, range(0, x.shape[1], _AT_ONCE)))
    lengths = np.concatenate([np.diff(part.indptr) for part in parts])
    return _Gram(
        ends=np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]),
        # The smallest type: what bounds the gather is the bytes that it reads.
        columns=np.concatenate([part.indices for part in parts]).astype(index_type(x.shape[1])),
        values=np.concatenate([part.data for part in parts]),
        diagonal=np.bincount(x.indices, x.data * data, x.shape[1]).astype(np.float32),
    )


def _damping(gram: _Gram, e: float) -> npt.NDArray[np.float64]:
    g = gram.diagonal.astype(np.float64)
    return np.where(g > 0, g, 1) ** -e


def _regressions(
    candidates: sparse.csr_array, damping: npt.NDArray[np.float64], most: int
) -> _Regressions:
    """Lay out G[C, j], which the products are once their damping is taken back."""
    shape = (candidates.shape[0], most)
    counts = np.diff(candidates.indptr).astype(np.int32)
    strongest = np.append(candidates.indices, -1)[candidates.indptr[:-1]]
    strongest[counts == 0] = -1
    candidates.sort_indices()
    found = _Regressions(np.zeros(shape, np.int32), counts, np.zeros(shape, np.float32), strongest)
    found.candidates[found.used] = candidates.indices
    found.weights[found.used] = candidates.data / damping[candidates.indices]
    return found


def _solve(gram: _Gram, found: _Regressions, p: Parameters, threads: int) -> None:
    from modelsystem_trainer.fit import kernels  # noqa: PLC0415  # numba is slow to import

    g = gram.diagonal.astype(np.float64)
    diagonal = (g + ridge_of(g, p)).astype(np.float32)
    items, most = found.candidates.shape

    # Targets that share their strongest candidates share rows of G: these stay in the cache.
    order = np.argsort(found.strongest, kind="stable")

    def solve(first: int) -> None:
        place = np.full(items, most, np.uint16)
        # fmt: off
        kernels.solve_rows(
            order[first : first + _AT_ONCE], found.candidates, found.counts, found.weights,
            gram.ends, gram.columns, gram.values, diagonal, place,
        )
        # fmt: on

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(solve, range(0, items, _AT_ONCE)))


def _by_source(found: _Regressions, order: npt.NDArray[np.intp]) -> sparse.csr_array:
    used = found.used
    sources = order[found.candidates[used]].astype(np.int32)
    targets = np.repeat(order.astype(np.int32), found.counts)
    items = len(order)
    result = sparse.csr_array((found.weights[used], (sources, targets)), shape=(items, items))
    result.sort_indices()
    return result
