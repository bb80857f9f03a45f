"""What weighs what: users and the ridge in a solution, and similarities once they are found.

For a user's item i and a candidate j with raw similarity w_ij and item degrees d,

    v_ij = sign(w_ij) · ( |w_ij| · d_i^-b · d_j^-c )^s        S_ij = v_ij / ‖v_i‖^r
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from modelsystem_trainer.fit.parameters import Parameters

Floats = npt.NDArray[np.float64]
_FLOAT32 = np.finfo(np.float32)


def weigh(
    raw: sparse.csr_array, d: npt.NDArray[np.float32], p: Parameters, c: float
) -> sparse.csr_array:
    """Return S, items × items, float32, finite, with the entries of `raw`."""
    lengths = np.diff(raw.indptr)
    data = np.abs(raw.data.astype(np.float64))
    data *= np.repeat(damped(d, p.b), lengths)
    data *= damped(d, c)[raw.indices]
    data = np.clip(data**p.s, _FLOAT32.tiny, _FLOAT32.max)
    if p.r:
        norms = np.sqrt(row_sums(data**2, raw.indptr))
        data /= np.repeat(np.where(norms > 0, norms, 1) ** p.r, lengths)
    data = np.clip(data, _FLOAT32.tiny, _FLOAT32.max) * np.sign(raw.data)
    return sparse.csr_array((data.astype(np.float32), raw.indices, raw.indptr), shape=raw.shape)


def degrees(x: sparse.csr_array) -> npt.NDArray[np.float32]:
    """Return how many users chose each item."""
    return np.bincount(x.indices, minlength=x.shape[1]).astype(np.float32)


def damped(d: npt.NDArray[Any], exponent: float) -> Floats:
    """Return degrees^-exponent, with 0 for degree 0."""
    return np.where(d > 0, np.maximum(d, 1).astype(np.float64) ** -exponent, 0)


def user_weights(x: sparse.csr_array, a: float) -> Floats:
    """Return d_u^-a, relative to the mean of those who chose anything: others do not matter."""
    d = np.diff(x.indptr)
    mean = d[d > 0].mean() if x.nnz else 1.0
    weights: Floats = (np.maximum(d, 1) / mean) ** -a
    return weights


def ridge_of(g: Floats, p: Parameters) -> Floats:
    """Return λ · (g / mean g)^β, where the mean is of items that anybody chose."""
    mean = g[g > 0].mean() if g.any() else 1.0
    ridge: Floats = p.lam * (g / mean) ** p.beta
    return ridge


def row_sums(data: Floats, pointers: npt.NDArray[Any]) -> Floats:
    """Return the sum of each row of a CSR matrix's data."""
    total = np.concatenate([[0.0], np.cumsum(data)])
    sums: Floats = np.diff(total[pointers])
    return np.maximum(sums, 0)
