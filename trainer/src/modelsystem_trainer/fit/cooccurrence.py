"""Normalised item-item co-occurrence: quick, with bounded memory, nothing to solve.

For a user's item i and a candidate j, with user degrees d_u and item degrees d_i,

    w_ij = d_j^-c · Σ_u d_u^-a x_ui x_uj

of which each i keeps its K largest. With the exponents b and s of `weighing` it is cosine
for a=0, b=c=½, s=1. Most of the gain over cosine comes from b and c being different.
"""

from itertools import pairwise

import numpy as np
from scipy import sparse
from sparse_dot_topn import sp_matmul_topn

from modelsystem_shared.numeric.arrays import Float64s
from modelsystem_trainer.fit.parameters import Parameters
from modelsystem_trainer.fit.weighing import damped, degrees

PRODUCTS_AT_ONCE = 2e7


def similarities(
    x: sparse.csr_array, p: Parameters, neighbours: int, threads: int
) -> sparse.csr_array:
    """Return W: row i holds its `neighbours` largest w_ij, float32, the largest first."""
    return top_products(x, damped(x.sum(axis=1), p.a), damped(degrees(x), p.c), neighbours, threads)


def top_products(
    x: sparse.csr_array, users: Float64s, items: Float64s, most: int, threads: int
) -> sparse.csr_array:
    """Return the `most` largest of each row of Xᵀ diag(users) X diag(items), no diagonal."""
    data = x.data * np.repeat(users, np.diff(x.indptr)) * items[x.indices]
    weighted = sparse.csr_matrix((data.astype(np.float32), x.indices, x.indptr), shape=x.shape)
    by_item = sparse.csr_matrix(x.T)
    parts = [
        sp_matmul_topn(by_item[rows], weighted, most + 1, sort=True, n_threads=threads)
        for rows in _portions(by_item @ np.diff(x.indptr).astype(np.float64))
    ]
    return _without_diagonal(sparse.vstack(parts, format="csr"), most)


def _portions(products: Float64s) -> list[slice]:
    """Cut rows, whose numbers of products are given, into portions of about 1 s.

    The multiplication holds Python's lock, and keeps the heartbeat and SIGTERM waiting.
    """
    number = np.cumsum(products) // PRODUCTS_AT_ONCE
    cuts = np.flatnonzero(np.diff(number)) + 1
    return [slice(*bounds) for bounds in pairwise([0, *cuts, len(products)])]


def _without_diagonal(s: sparse.csr_matrix, most: int) -> sparse.csr_array:
    """Drop each row's own item, then all entries after the first `most`."""
    row = np.repeat(np.arange(s.shape[0]), np.diff(s.indptr))
    is_other = s.indices != row
    before = np.concatenate([[0], np.cumsum(is_other)])
    stays = is_other & (before[:-1] - before[s.indptr[row]] < most)
    ends = np.concatenate([[0], np.cumsum(stays)])[s.indptr]
    return sparse.csr_array((s.data[stays], s.indices[stays], ends), shape=s.shape)
