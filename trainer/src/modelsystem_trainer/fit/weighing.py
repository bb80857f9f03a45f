"""Weights: of users and of the ridge in a solution, and of similarities after it.

For a user's item i and a candidate j with unweighed similarity w_ij and item degrees d,

    v_ij = sign(w_ij) · ( |w_ij| · d_i^-b · d_j^-c )^s        S_ij = v_ij / ‖v_i‖^r
"""

import numpy as np
from scipy import sparse

from modelsystem_shared.numeric.arrays import Float32s, Float64s, Indices
from modelsystem_trainer.fit.parameters import Parameters

_FLOAT32 = np.finfo(np.float32)


def weigh(similarity: sparse.csr_array, d: Float32s, p: Parameters, c: float) -> sparse.csr_array:
    """Return S, items × items, float32, finite, with the entries of `similarity`."""
    lengths = np.diff(similarity.indptr)
    data = np.abs(similarity.data.astype(np.float64))
    data *= np.repeat(damped(d, p.b), lengths)
    data *= damped(d, c)[similarity.indices]
    data = np.clip(data**p.s, _FLOAT32.tiny, _FLOAT32.max)
    if p.r:
        norms = np.sqrt(row_sums(data**2, similarity.indptr))
        data /= np.repeat(np.where(norms > 0, norms, 1) ** p.r, lengths)
    data = np.clip(data, _FLOAT32.tiny, _FLOAT32.max) * np.sign(similarity.data)
    parts = (data.astype(np.float32), similarity.indices, similarity.indptr)
    return sparse.csr_array(parts, shape=similarity.shape)


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
    total = np.concatenate([[0.0], np.cumsum(data)])
    sums: Float64s = np.diff(total[pointers])
    return np.maximum(sums, 0)
