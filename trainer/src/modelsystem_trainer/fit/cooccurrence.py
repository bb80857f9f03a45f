"""Normalised item-item co-occurrence: quick, nothing to solve.

For a user's item i and a candidate j, with user degrees d_u and item degrees d_i,

    w_ij = d_j^-c · Σ_u d_u^-a x_ui x_uj

of which each i keeps its K largest, of equal ones those of the more popular items. With the
exponents b and s of `weighing` it is cosine for a=0, b=c=½, s=1. Most of the gain over cosine comes
from b and c being different.
"""

from scipy import sparse

from modelsystem_trainer.fit import candidates
from modelsystem_trainer.fit.parameters import Parameters
from modelsystem_trainer.fit.portions import Resources
from modelsystem_trainer.fit.stored import Stored
from modelsystem_trainer.fit.weighing import damped, degrees


def similarities(
    x: sparse.csr_array, p: Parameters, neighbours: int, resources: Resources
) -> sparse.csr_array:
    """Return W: row i holds its `neighbours` largest w_ij, float32."""
    of_users, of_items = damped(x.sum(axis=1), p.a), damped(degrees(x), p.c)
    with resources.scratch() as folder:
        stored = Stored.of(x, folder)
        stored.weigh("keyed", of_users, of_items[stored.order])
        nearest = candidates.choose(stored, min(neighbours, x.shape[1]), resources)
        return candidates.matrix(stored.order, nearest.sources, nearest.counts, nearest.keys)
