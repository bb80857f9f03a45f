"""Neighbourhood ridge: each item explained by its M strongest candidates, in closed form.

With G = Xᵀ diag(d_u^-a) X (user degrees d relative to their mean) and its diagonal g, the
candidates C of an item j are the M items i with the largest G_ij · g_i^-e, and

    ( G[C,C] + diag( λ · (g_C / mean g)^β ) ) w = G[C,j]

is EASE (Steck 2019, doi 10.1145/3308558.3313710) or SLIM (Ning and Karypis 2011, doi
10.1109/ICDM.2011.134) restricted to a neighbourhood. With all items as candidates it is EASE
itself: the method `dense`. The restriction makes the time linear in the number of items.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from modelsystem_shared.numeric.arrays import Float32s, Float64s, Indices, Mask
from modelsystem_shared.numeric.model import index_type
from modelsystem_trainer.fit.cooccurrence import top_products
from modelsystem_trainer.fit.parameters import Parameters
from modelsystem_trainer.fit.weighing import degrees, ridge_of, user_weights

_AT_ONCE = 256  # rows of G, or targets, in one task
_BYTES_OF_AN_ENTRY = 8


@dataclass(frozen=True)
class _Gram:
    """G below its diagonal, as CSR with int64 ends, and its diagonal.

    columns: the smallest unsigned type that holds them.
    """

    ends: Indices
    columns: Indices
    values: Float32s
    diagonal: Float32s


@dataclass(frozen=True)
class _Regressions:
    """For each target its candidates (int32, targets × M, ascending) and their number (int32).

    weights: targets × M, G[C, j] at first and w when solved.
    strongest: int32, for each target its strongest candidate, -1 if it has none.
    """

    candidates: Indices
    counts: Indices
    weights: Float32s
    strongest: Indices

    @property
    def used(self) -> Mask:
        """Which places hold a candidate."""
        return np.arange(self.candidates.shape[1]) < self.counts[:, None]


def similarities(
    x: sparse.csr_array, p: Parameters, neighbours: int, threads: int
) -> sparse.csr_array:
    """Return W: row i holds the weights of source i for its targets, float32.

    x: users × items, float32. Each target has at most `neighbours` sources.
    """
    # By falling popularity: most candidates are popular items, whose rows below the diagonal are
    # then short.
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


def most_bytes(user_counts: Indices, items: int, neighbours: int) -> int:
    """Return an upper bound of the bytes of G and the regressions.

    user_counts: for each user the number of items.
    """
    pairs = min(int((user_counts * (user_counts - 1) // 2).sum()), items * (items - 1) // 2)
    return (pairs + items * min(neighbours, items)) * _BYTES_OF_AN_ENTRY


def _gram(x: sparse.csr_array, weights: Float64s, threads: int) -> _Gram:
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
        # The smallest type: reading them is what bounds the speed of the solve.
        columns=np.concatenate([part.indices for part in parts]).astype(index_type(x.shape[1])),
        values=np.concatenate([part.data for part in parts]),
        diagonal=np.bincount(x.indices, x.data * data, x.shape[1]).astype(np.float32),
    )


def _damping(gram: _Gram, e: float) -> Float64s:
    g = gram.diagonal.astype(np.float64)
    return np.where(g > 0, g, 1) ** -e


def _regressions(candidates: sparse.csr_array, damping: Float64s, most: int) -> _Regressions:
    """Lay out G[C, j]: the products, divided by their damping."""
    shape = (candidates.shape[0], most)
    counts = np.diff(candidates.indptr).astype(np.int32)
    strongest = np.append(candidates.indices, -1)[candidates.indptr[:-1]]
    strongest[counts == 0] = -1
    candidates.sort_indices()
    regressions = _Regressions(
        np.zeros(shape, np.int32), counts, np.zeros(shape, np.float32), strongest
    )
    regressions.candidates[regressions.used] = candidates.indices
    regressions.weights[regressions.used] = candidates.data / damping[candidates.indices]
    return regressions


def _solve(gram: _Gram, regressions: _Regressions, p: Parameters, threads: int) -> None:
    """Solve all regressions, in place."""
    from modelsystem_trainer.fit import kernels  # noqa: PLC0415  # numba is slow to import

    g = gram.diagonal.astype(np.float64)
    diagonal = (g + ridge_of(g, p)).astype(np.float32)
    items, most = regressions.candidates.shape

    # Targets with the same strongest candidate share rows of G, which stay in the cache.
    order = np.argsort(regressions.strongest, kind="stable")

    def solve(first: int) -> None:
        place = np.full(items, most, np.uint16)
        # fmt: off
        kernels.solve_rows(
            order[first : first + _AT_ONCE],
            regressions.candidates, regressions.counts, regressions.weights,
            gram.ends, gram.columns, gram.values, diagonal, place,
        )
        # fmt: on

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(solve, range(0, items, _AT_ONCE)))


def _by_source(regressions: _Regressions, order: Indices) -> sparse.csr_array:
    """Return the solved weights, a row for each source; `order`: the items by popularity."""
    used = regressions.used
    sources = order[regressions.candidates[used]].astype(np.int32)
    targets = np.repeat(order.astype(np.int32), regressions.counts)
    entries = (regressions.weights[used], (sources, targets))
    by_source = sparse.csr_array(entries, shape=(len(order), len(order)))
    by_source.sort_indices()
    return by_source
