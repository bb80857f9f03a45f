"""The steps of a fit: similarities by one of three methods, then their weights.

Each step is a pure function of a sparse matrix and parameters.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import sparse

from modelsystem_shared.numeric.arrays import Float32s
from modelsystem_trainer.fit import cooccurrence, dense, lowrank, ridge
from modelsystem_trainer.fit.parameters import Parameters
from modelsystem_trainer.fit.portions import DEFAULT, Resources
from modelsystem_trainer.fit.weighing import degrees, weigh

_ROWS_AT_ONCE = 256


def fit(
    interactions: sparse.csr_array,
    parameters: Parameters,
    neighbours: int,
    resources: Resources = DEFAULT,
) -> sparse.csr_array:
    """Return the similarity matrix: row i holds how strongly item i recommends each other item.

    interactions: users × items, float32: how much each interaction counts.
    Returns items × items, float32, finite, nothing on the diagonal, each row strongest first; at
    most `neighbours` × items entries, unless the method is `dense` or there is a low-rank
    term, see `lowrank.added`. The result does not depend on `resources`.
    """
    similarity = unweighed(interactions, parameters, neighbours, resources)
    similarity = weighed(interactions, similarity, parameters, resources.engine.workers)
    if parameters.w:
        vectors = lowrank.basis(interactions)
        term = lowrank.term(interactions, vectors, similarity, parameters)
        similarity = lowrank.added(similarity, term, parameters, resources)
    return strongest_first(similarity, resources.engine.workers)


def unweighed(
    interactions: sparse.csr_array,
    parameters: Parameters,
    neighbours: int,
    resources: Resources = DEFAULT,
) -> sparse.csr_array:
    """Return the similarities before they are weighed; see `fit`."""
    if parameters.method == "dense":
        return dense.similarities(interactions, parameters)
    if parameters.method == "cooccurrence":
        return cooccurrence.similarities(interactions, parameters, neighbours, resources)
    return ridge.similarities(interactions, parameters, neighbours, resources)


def unweighed_of_each(
    interactions: sparse.csr_array,
    parameters: Sequence[Parameters],
    neighbours: int,
    resources: Resources = DEFAULT,
) -> Sequence[sparse.csr_array | Float32s]:
    """Return `unweighed` for each of some parameters of the same family; `dense` as arrays."""
    first = parameters[0]
    if first.method == "dense":
        gram = dense.gram(interactions, first.a)
        with ThreadPoolExecutor(resources.engine.workers) as pool:
            return list(pool.map(lambda p: dense.weights(gram, p), parameters))
    if first.method == "ridge":
        return ridge.similarities_of_each(interactions, parameters, neighbours, resources)
    return [unweighed(interactions, p, neighbours, resources) for p in parameters]


def weighed(
    interactions: sparse.csr_array, similarity: sparse.csr_array, p: Parameters, threads: int
) -> sparse.csr_array:
    """Weigh what `unweighed` returned: cheap, so a search can try many weights on one fit."""
    # Co-occurrence has chosen its neighbours by c already.
    c = 0.0 if p.method == "cooccurrence" else p.c
    return weigh(similarity, degrees(interactions), p, c, threads)


def strongest_first(similarity: sparse.csr_array, threads: int) -> sparse.csr_array:
    """Return the matrix with each row by falling value, equal values by item.

    It sorts the indices of `similarity` itself in place.
    """
    similarity.sort_indices()
    pointers = similarity.indptr
    order = np.empty(similarity.nnz, np.int64)

    def sort(first: int) -> None:
        ends = pointers[first : first + _ROWS_AT_ONCE + 1]
        part = slice(ends[0], ends[-1])
        rows = np.repeat(np.arange(len(ends) - 1, dtype=np.int32), np.diff(ends))
        # Stable: equal values stay sorted by item.
        order[part] = ends[0] + np.lexsort((-similarity.data[part], rows))

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(sort, range(0, similarity.shape[0], _ROWS_AT_ONCE)))
    parts = (similarity.data[order], similarity.indices[order], pointers)
    return sparse.csr_array(parts, shape=similarity.shape)
