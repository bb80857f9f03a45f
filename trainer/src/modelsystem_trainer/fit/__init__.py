"""The fit: from a sparse matrix of interactions and parameters to the similarities of items.

`fit` does it all; a search tries many weights on what `unweighed` returns. `confidence` says how
much one interaction counts, `Search` chooses the parameters.
"""

from modelsystem_trainer.fit import confidence, lowrank
from modelsystem_trainer.fit.dense import MOST_ITEMS as MOST_ITEMS_OF_DENSE
from modelsystem_trainer.fit.fitting import fit, unweighed, unweighed_of_each, weighed
from modelsystem_trainer.fit.lowrank import LowRank
from modelsystem_trainer.fit.parameters import METHODS, Parameters
from modelsystem_trainer.fit.portions import DEFAULT, Resources
from modelsystem_trainer.fit.weighing import Weigher, degrees

__all__ = [
    "DEFAULT",
    "METHODS",
    "MOST_ITEMS_OF_DENSE",
    "LowRank",
    "Parameters",
    "Resources",
    "Weigher",
    "confidence",
    "degrees",
    "fit",
    "lowrank",
    "unweighed",
    "unweighed_of_each",
    "weighed",
]
