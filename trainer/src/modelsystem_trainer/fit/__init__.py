"""The model: how strongly each item speaks for others, item by item.

`raw` finds similarities by one of three methods, `weighing.weigh` makes of them what ranks
best, and `fit` does both. Each is a pure function of a sparse matrix and parameters.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import sparse

from modelsystem_trainer.fit import cooccurrence, dense, ridge
from modelsystem_trainer.fit.parameters import METHODS, Parameters
from modelsystem_trainer.fit.weighing import degrees, weigh

__all__ = ["METHODS", "Parameters", "cooccurrence", "dense", "fit", "raw", "ridge", "weighed"]

_ROWS_AT_ONCE = 256


def fit(
    interactions: sparse.csr_array, parameters: Parameters, neighbours: int, threads: int = 1
) -> sparse.csr_array:
    """Return the similarity matrix: row i holds what speaks for other items when i is known.

    interactions: users × items, float32: how much it counts that the user chose the item.
    Returns items × items, float32, finite, none on the diagonal, each row the strongest
    first; at most `neighbours` × items entries, unless the method is `dense`. The result does
    not depend on `threads`.
    """
    found = raw(interactions, parameters, neighbours, threads)
    return strongest_first(weighed(interactions, found, parameters), threads)


def raw(
    interactions: sparse.csr_array, parameters: Parameters, neighbours: int, threads: int = 1
) -> sparse.csr_array:
    """Return the similarities before they are weighed; see `fit`."""
    if parameters.method == "dense":
        return dense.similarities(interactions, parameters)
    if parameters.method == "cooccurrence":
        return cooccurrence.similarities(interactions, parameters, neighbours, threads)
    return ridge.similarities(interactions, parameters, neighbours, threads)


def weighed(
    interactions: sparse.csr_array, found: sparse.csr_array, p: Parameters
) -> sparse.csr_array:
    """Weigh what `raw` found; cheap, so that a search can try many weights on one `raw`."""
    # Co-occurrence has chosen its neighbours by c already.
    c = 0.0 if p.method == "cooccurrence" else p.c
    return weigh(found, degrees(interactions), p, c)


def strongest_first(similarity: sparse.csr_array, threads: int) -> sparse.csr_array:
    """Sort each row by falling value, equal ones by item; in place as to the items' order."""
    similarity.sort_indices()
    pointers = similarity.indptr
    order = np.empty(similarity.nnz, np.int64)

    def sort(first: int) -> None:
        ends = pointers[first : first + _ROWS_AT_ONCE + 1]
        part = slice(ends[0], ends[-1])
        rows = np.repeat(np.arange(len(ends) - 1, dtype=np.int32), np.diff(ends))
        # Stable: equal ones stay sorted by item.
        order[part] = ends[0] + np.lexsort((-similarity.data[part], rows))

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(sort, range(0, similarity.shape[0], _ROWS_AT_ONCE)))
    parts = (similarity.data[order], similarity.indices[order], pointers)
    return sparse.csr_array(parts, shape=similarity.shape)
