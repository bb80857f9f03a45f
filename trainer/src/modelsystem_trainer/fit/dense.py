"""Ridge over all items at once: each item explained by all others, in closed form.

With G and g as in `ridge`, and P = ( G + diag( λ · (g / mean g)^β ) )^-1,

    w_ij = -P_ij / P_jj

which is EASE (Steck 2019, doi 10.1145/3308558.3313710), with weighted users and a weighted ridge.
It equals `ridge` if every item is a candidate. It costs the cube of the number of items; `ridge`
costs the cube of the number of candidates for each item.
"""

import numpy as np
from scipy import sparse
from scipy.linalg import lapack
from threadpoolctl import threadpool_limits

from modelsystem_shared.numeric.arrays import Float32s, Float64s
from modelsystem_trainer.fit.parameters import Parameters
from modelsystem_trainer.fit.weighing import ridge_of, user_weights

MOST_ITEMS = 4_000  # 5 s on one core, and 100 MB of model
_BLOCK = 128
_LEAST = 1e-10  # of the largest value of G: what rounding may take away from a diagonal


def similarities(x: sparse.csr_array, p: Parameters) -> sparse.csr_array:
    """Return W: row i holds the weights of source i for its targets, float32, no diagonal.

    x: users × items, float32.
    """
    return sparse.csr_array(weights(gram(x, p.a), p))


def weights(of: Float64s, p: Parameters) -> Float32s:
    """Return W as an array, from `gram`."""
    g = of.diagonal()
    inverse = _inverse(of, ridge_of(g, p))
    inverse /= -inverse.diagonal()
    solved: Float32s = inverse.astype(np.float32, order="C")
    # An item without interactions has no neighbours and is no item's neighbour.
    solved[g == 0], solved[:, g == 0] = 0, 0
    np.fill_diagonal(solved, 0)
    return solved


def gram(x: sparse.csr_array, a: float) -> Float64s:
    """Return G, items × items: all that `weights` need of the interactions."""
    exact = x.astype(np.float64)
    weighted = exact.multiply(user_weights(x, a)[:, None]).tocsr()
    product: Float64s = (exact.T @ weighted).toarray(order="F")
    product += product.T  # rounding makes it slightly asymmetric
    product /= 2
    return product


def _inverse(of: Float64s, ridge: Float64s) -> Float64s:
    """Invert G with a ridge, which grows until G is positive definite in float64."""
    if not len(of):
        return of.copy()
    least = max(of.max(initial=0).item() * _LEAST, float(np.finfo(np.float32).tiny))
    with threadpool_limits(1, user_api="blas"):  # the order of BLAS' sums depends on the threads
        while True:
            regular = of.copy(order="F")
            np.einsum("ii->i", regular)[:] += np.maximum(ridge, least)  # its diagonal
            factor, failed = lapack.dpotrf(regular, overwrite_a=True)
            if not failed:
                break
            least *= 10
        inverse: Float64s = lapack.dpotri(factor, overwrite_c=True)[0]  # the upper triangle only
    _mirror(inverse)
    return inverse


def _mirror(upper: Float64s) -> None:
    """Copy the upper triangle of a square to the lower one, by blocks that stay in the cache."""
    n = len(upper)
    for first in range(0, n, _BLOCK):
        last = min(first + _BLOCK, n)
        square = upper[first:last, first:last]
        square[:] = np.triu(square) + np.triu(square, 1).T
        upper[last:, first:last] = upper[first:last, last:].T
