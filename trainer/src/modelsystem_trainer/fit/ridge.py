"""Neighbourhood ridge: each item explained by its M strongest candidates, in closed form.

With G = Xᵀ diag(d_u^-a) X (user degrees d relative to their mean) and its diagonal g, the
candidates C of an item j are the M items i with the largest G_ij · g_i^-e, and

    ( G[C,C] + diag( λ · (g_C / mean g)^β ) ) w = G[C,j]

is EASE (Steck 2019, doi 10.1145/3308558.3313710) or SLIM (Ning and Karypis 2011, doi
10.1109/ICDM.2011.134) restricted to a neighbourhood. With all items as candidates it is EASE
itself: the method `dense`. The restriction makes the time linear in the number of items.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import sparse

from modelsystem_shared.numeric.arrays import Float64s
from modelsystem_trainer.fit import candidates, portions
from modelsystem_trainer.fit.candidates import Candidates
from modelsystem_trainer.fit.parameters import Parameters
from modelsystem_trainer.fit.portions import Resources
from modelsystem_trainer.fit.stored import Stored, both_ways, load
from modelsystem_trainer.fit.weighing import ridge_of, user_weights

_MOST_HEAD = 8_192  # items: 134 MB; more of them are too seldom candidates
_HEAD_SHARE = 10  # of all items every tenth
# A block may be as large as the interactions that it visits, within bounds in bytes: more targets
# at once share more of the visits. Smaller ones than the least cost much and save next to nothing.
_OF_INTERACTION = 20  # bytes: both ways, with values and weights
_LEAST_BLOCK, _USUAL_BLOCK, _MOST_BLOCK = 8 << 20, 32 << 20, 128 << 20
_ENTRY = 4  # bytes


def similarities(
    x: sparse.csr_array, p: Parameters, neighbours: int, resources: Resources
) -> sparse.csr_array:
    """Return W: row i holds the weights of source i for its targets, float32.

    x: users × items, float32. Each target has at most `neighbours` sources.
    """
    [similarity] = similarities_of_each(x, [p], neighbours, resources)
    return similarity


def similarities_of_each(
    x: sparse.csr_array, ps: Sequence[Parameters], neighbours: int, resources: Resources
) -> list[sparse.csr_array]:
    """Return W for each of some parameters that differ in λ and β only.

    They share all but the solution itself, which is a fifth of the cost at 100 neighbours.
    """
    with resources.scratch() as folder:
        stored = Stored.of(x, folder)
        damping = _weigh(stored, user_weights(x, ps[0].a), ps)
        nearest = candidates.choose(stored, min(neighbours, x.shape[1]), resources)
        _write_regressions(stored, nearest, damping)
        del nearest  # the folder has what is still needed
        _write_head(stored, resources)
        return _solve(stored, resources)


def _weigh(stored: Stored, weights: Float64s, ps: Sequence[Parameters]) -> Float64s:
    """Write the weighted interactions and the diagonals; return each item's damping."""
    from modelsystem_trainer.fit import kernels  # noqa: PLC0415  # numba is slow to import

    n_items = len(stored.order)
    weighted = stored.weigh("weighted", weights, np.ones(n_items))
    [items] = load(stored.folder, "items")
    squares = np.zeros(n_items)
    kernels.add_squares(items, stored.values, weighted, squares)
    g = squares.astype(np.float32).astype(np.float64)
    stored.save(diagonals=np.stack([g + ridge_of(g, p) for p in ps]).astype(np.float32))
    damping = np.where(g > 0, g, 1) ** -ps[0].e
    stored.weigh("keyed", weights, damping)
    return damping


def _write_regressions(stored: Stored, nearest: Candidates, damping: Float64s) -> None:
    """Write candidates and G[C, j], and an order of targets in which neighbours share candidates.

    The order walks a forest depth first, in which a target hangs below its strongest more popular
    candidate.
    """
    from modelsystem_trainer.fit import kernels  # noqa: PLC0415  # numba is slow to import

    weights = np.zeros(nearest.keys.shape, np.float32)
    parents, walk = np.empty(len(damping), np.int64), np.empty(len(damping), np.int64)
    kernels.regress((nearest.sources, nearest.keys, nearest.counts), damping, weights, parents)
    kernels.preorder(parents, walk)
    stored.save(walk=walk, sources=nearest.sources, counts=nearest.counts, weights=weights)


def _write_head(stored: Stored, resources: Resources) -> None:
    """Write the rows of G of the most popular items, which most regressions need."""
    n_items = len(stored.order)
    room = int((2 * resources.free / 8 / _ENTRY) ** 0.5)  # an eighth of the memory
    side = min(-(-n_items // _HEAD_SHARE), _MOST_HEAD, room)
    path, size = stored.folder / "triangle.npy", _triangle(side)
    triangle = np.lib.format.open_memmap(path, "w+", np.float32, (size,))
    cuts = portions.of_equal_cost(stored.below[:side])
    for rows, [part] in portions.run(resources, head, stored.folder, cuts):
        triangle[_triangle(rows.start) : _triangle(rows.stop)] = part


def head(folder: Path, number: int) -> None:
    """Phase: write rows of G below its diagonal, one after the other."""
    from modelsystem_trainer.fit import kernels  # noqa: PLC0415  # numba is slow to import

    rows = portions.of(folder, head, number)
    triangle = np.zeros(_triangle(rows.stop) - _triangle(rows.start), np.float32)
    kernels.head(rows.start, rows.stop, both_ways(folder, "weighted"), triangle)
    portions.write(folder, head, number, triangle)


def _solve(stored: Stored, resources: Resources) -> list[sparse.csr_array]:
    """Return the solved weights for each diagonal, sources × targets."""
    names = ("walk", "sources", "counts", "diagonals")
    walk, sources, counts, diagonals = load(stored.folder, *names)
    n_items, most = sources.shape
    block = np.clip(len(stored.values) * _OF_INTERACTION, _USUAL_BLOCK, _MOST_BLOCK)
    cuts = portions.of_equal_size(n_items, _targets(most, min(int(block), resources.free // 2)))
    solved = [np.empty((n_items, most), np.float32) for _ in diagonals]
    for targets, part in portions.run(resources, solve, stored.folder, cuts):
        for whole, weights in zip(solved, part, strict=True):
            whole[walk[targets]] = weights
    return [candidates.matrix(stored.order, sources, counts, each).T.tocsr() for each in solved]


def _targets(most: int, size: int) -> int:
    """Return how many targets a block of that size has, in bytes."""
    return max(max(size, _LEAST_BLOCK) // (_ENTRY * (_triangle(most) + 3 * max(most, 1))), 16)


def solve(folder: Path, number: int) -> None:
    """Phase: write the solved weights, targets × M, of a block of targets for each diagonal."""
    from modelsystem_trainer.fit import kernels  # noqa: PLC0415  # numba is slow to import

    names = ("walk", "sources", "counts", "weights", "below", "diagonals", "triangle")
    walk, sources, counts, weights, below, diagonals, triangle = load(folder, *names)
    targets = walk[portions.of(folder, solve, number)]
    sources, counts, weights = sources[targets], counts[targets], weights[targets]
    most = sources.shape[1]
    starts, places = np.zeros(len(walk) + 1, np.int64), np.empty(counts.sum(), np.int64)
    kernels.group(sources, counts, starts, places)
    triangles = np.empty((len(targets), _triangle(most)), np.float32)
    x = both_ways(folder, "weighted")
    kernels.gather(sources, (starts, places), (triangle, below), x, triangles)
    solved = [weights.copy() for _ in diagonals]
    for diagonal, of_diagonal in zip(diagonals, solved, strict=True):
        kernels.solve(triangles, sources, counts, of_diagonal, diagonal)
    portions.write(folder, solve, number, *solved)


def _triangle(side: int) -> int:
    """Return the number of entries below the diagonal of a square."""
    return side * (side - 1) // 2
