"""Weights: of users and of the ridge in a solution, and of similarities after it.

For a user's item i and a candidate j with unweighed similarity w_ij and item degrees d,

    v_ij = sign(w_ij) · ( |w_ij| · d_i^-b · d_j^-c )^s        S_ij = v_ij / ‖v_i‖^r
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from scipy import sparse

from modelsystem_shared.numeric.arrays import Float32s, Float64s, Indices
from modelsystem_trainer.fit.parameters import Parameters

_AT_ONCE = 1 << 15  # entries
_ROWS = 32  # of a dense matrix, which stay in the CPU's cache
_MOST_LOG = 40.0  # of a weighed similarity: its square is finite, and so are scores
_MOST = 2.35e17  # its exponential
_FLOAT32 = np.finfo(np.float32)


def weigh(
    similarity: sparse.csr_array, d: Float32s, p: Parameters, c: float, threads: int
) -> sparse.csr_array:
    """Return S, items × items, float32, finite, with the entries of `similarity`."""
    sources, targets = damped(d, p.b), damped(d, c)
    data = np.empty(similarity.nnz, np.float32)

    def fill(rows: slice) -> None:
        ends = similarity.indptr[rows.start : rows.stop + 1]
        part = slice(ends[0], ends[-1])
        lengths = np.diff(ends)
        w = np.abs(similarity.data[part].astype(np.float64))
        w *= np.repeat(sources[rows], lengths)
        w *= targets[similarity.indices[part]]
        w = np.clip(w**p.s, _FLOAT32.tiny, _MOST)
        if p.r:
            norms = np.sqrt(row_sums(w**2, ends - ends[0]))
            w /= np.repeat(np.where(norms > 0, norms, 1) ** p.r, lengths)
        w = np.clip(w, _FLOAT32.tiny, _MOST)
        data[part] = np.copysign(w, similarity.data[part])
        data[part][similarity.data[part] == 0] = 0

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(fill, _portions(similarity.indptr)))
    parts = (data, similarity.indices, similarity.indptr)
    return sparse.csr_array(parts, shape=similarity.shape)


class Weigher:
    """Weighs one dense W many times: quick, in float32, for the tries of a search."""

    def __init__(self, similarity: Float32s, d: Float32s) -> None:
        """Take the logarithms of W; `d`: the degrees of items."""
        with np.errstate(divide="ignore"):  # log 0 is -inf, whose exponential is 0 again
            self._logs = np.abs(similarity)
            np.log(self._logs, out=self._logs)
        self._is_negative, self._degrees = similarity < 0, np.log(np.maximum(d, 1))

    @property
    def size(self) -> int:
        """The bytes that it holds."""
        return self._logs.nbytes + self._is_negative.nbytes

    def weighed(self, p: Parameters, threads: int) -> Float32s:
        """Return S, as `weigh` does."""
        data = np.empty_like(self._logs)

        def fill(first: int) -> None:
            rows = slice(first, first + _ROWS)
            part = data[rows]
            np.multiply(self._logs[rows], p.s, out=part, dtype=np.float32)
            part -= (p.s * p.b * self._degrees[rows, None]).astype(np.float32)
            part -= (p.s * p.c * self._degrees).astype(np.float32)
            np.exp(np.minimum(part, _MOST_LOG, out=part), out=part)
            if p.r:
                norms = np.sqrt(np.einsum("ij,ij->i", part, part))
                part *= (np.where(norms > 0, norms, 1) ** -p.r).astype(np.float32)[:, None]
            np.negative(part, out=part, where=self._is_negative[rows])

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(fill, range(0, len(data), _ROWS)))
        return data


def _portions(pointers: Indices) -> Iterator[slice]:
    """Cut rows into portions whose entries stay in the CPU's cache."""
    n_rows = len(pointers) - 1
    cuts = np.searchsorted(pointers, np.arange(_AT_ONCE, pointers[-1], _AT_ONCE))
    for first, last in pairwise([0, *np.unique(cuts).tolist(), n_rows]):
        yield slice(first, last)


def degrees(x: sparse.csr_array) -> Float32s:
    """Return each item's number of users."""
    return np.bincount(x.indices, minlength=x.shape[1]).astype(np.float32)


def damped(d: Float32s | Indices, exponent: float) -> Float64s:
    """Return degrees^-exponent, with 0 for degree 0."""
    return np.where(d > 0, np.maximum(d, 1).astype(np.float64) ** -exponent, 0)


def user_weights(x: sparse.csr_array, a: float) -> Float64s:
    """Return d_u^-a, with d relative to its mean over the users who have any item."""
    d = np.diff(x.indptr)
    mean = d[d > 0].mean() if x.nnz else 1.0
    weights: Float64s = (np.maximum(d, 1) / mean) ** -a
    return weights


def ridge_of(g: Float64s, p: Parameters) -> Float64s:
    """Return λ · (g / mean g)^β, with the mean over the items that have any user."""
    mean = g[g > 0].mean() if g.any() else 1.0
    ridge: Float64s = p.lam * (g / mean) ** p.beta
    return ridge


def row_sums(data: Float64s, pointers: Indices) -> Float64s:
    """Return the sum of each row of a CSR matrix's data."""
    total = np.zeros(len(data) + 1)
    np.cumsum(data, out=total[1:])
    sums: Float64s = np.diff(total[pointers])
    return np.maximum(sums, 0)
