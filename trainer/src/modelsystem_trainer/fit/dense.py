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

from modelsystem_shared.numeric.arrays import Float64s
from modelsystem_trainer.fit.parameters import Parameters
from modelsystem_trainer.fit.weighing import ridge_of, user_weights

MOST_ITEMS = 4_000  # 5 s on one core, and 100 MB of model
_LEAST = 1e-10  # of the largest value of G: what rounding may take away from a diagonal


def similarities(x: sparse.csr_array, p: Parameters) -> sparse.csr_array:
    """Return W: row i holds the weights of source i for its targets, float32, no diagonal.

    x: users × items, float32.
    """
    gram = _gram(x, p.a)
    inverse = _inverse(gram, ridge_of(gram.diagonal(), p))
    weights = inverse / -inverse.diagonal()
    has_users = gram.diagonal() > 0
    # An item without interactions has no neighbours and is no item's neighbour.
    weights *= has_users[:, None] & has_users
    np.fill_diagonal(weights, 0)
    return sparse.csr_array(weights.astype(np.float32))


def _gram(x: sparse.csr_array, a: float) -> Float64s:
    exact = x.astype(np.float64)
    weighted = exact.multiply(user_weights(x, a)[:, None]).tocsr()
    gram: Float64s = (exact.T @ weighted).toarray(order="F")
    return (gram + gram.T) / 2  # rounding makes it slightly asymmetric


def _inverse(gram: Float64s, ridge: Float64s) -> Float64s:
    """Invert G with a ridge, which grows until G is positive definite in float64."""
    least = max(gram.max(initial=0).item() * _LEAST, float(np.finfo(np.float32).tiny))
    with threadpool_limits(1, user_api="blas"):  # the order of BLAS' sums depends on the threads
        while True:
            regular = gram + np.diag(np.maximum(ridge, least))
            factor, failed = lapack.dpotrf(regular, overwrite_a=True)
            if not failed:
                break
            least *= 10
        inverse, _ = lapack.dpotri(factor, overwrite_c=True)  # the upper triangle only
    upper = np.triu(inverse)
    symmetric: Float64s = upper + np.triu(inverse, 1).T
    return symmetric
