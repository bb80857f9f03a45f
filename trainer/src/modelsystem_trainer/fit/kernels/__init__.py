"""Compiled loops of the fit: what numpy and scipy cannot express.

Sums are never reordered, so results are the same for any number of threads and any width of
vectors.
"""

from modelsystem_trainer.fit.kernels.candidates import preorder, regress, strongest
from modelsystem_trainer.fit.kernels.cholesky import solve
from modelsystem_trainer.fit.kernels.gram import gather, group, head
from modelsystem_trainer.fit.kernels.interactions import (
    add_squares,
    count_visits,
    transpose,
    weigh,
)
from modelsystem_trainer.fit.kernels.lowrank import add_low_rank

__all__ = [
    "add_low_rank",
    "add_squares",
    "count_visits",
    "gather",
    "group",
    "head",
    "preorder",
    "regress",
    "solve",
    "strongest",
    "transpose",
    "weigh",
]
