"""The fit: from a sparse matrix of interactions and parameters to the similarities of items.

`fit` does it all; a search tries many weights on what `unweighed` returns. `confidence` says how
much one interaction counts, `Search` chooses the parameters.
"""

from modelsystem_trainer.fit import confidence, lowrank
from modelsystem_trainer.fit.dense import MOST_ITEMS as MOST_ITEMS_OF_DENSE
from modelsystem_trainer.fit.fitting import fit, unweighed, weighed
from modelsystem_trainer.fit.parameters import METHODS, Parameters
from modelsystem_trainer.fit.portions import DEFAULT, Resources

__all__ = [
    "DEFAULT",
    "METHODS",
    "MOST_ITEMS_OF_DENSE",
    "Parameters",
    "Resources",
    "confidence",
    "fit",
    "lowrank",
    "unweighed",
    "weighed",
]
