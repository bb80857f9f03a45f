"""The search for the parameters of a model, on a validation part of the training part.

`space` says what may be tried, `Validation` measures it, `Search` decides what is tried next, and
the ledger keeps within a budget of work, which `Costs` estimates.
"""

from modelsystem_trainer.search.climbing import Search, climbed_neighbours
from modelsystem_trainer.search.ledger import (
    NOTHING,
    Budget,
    Measured,
    Tried,
    standard_error,
)
from modelsystem_trainer.search.outcome import Outcome, RunnerUp
from modelsystem_trainer.search.space import GRIDS, STARTS, Start, on_grid, starts_of
from modelsystem_trainer.search.validation import Validation
from modelsystem_trainer.search.work import Costs

__all__ = [
    "GRIDS",
    "NOTHING",
    "STARTS",
    "Budget",
    "Costs",
    "Measured",
    "Outcome",
    "RunnerUp",
    "Search",
    "Start",
    "Tried",
    "Validation",
    "climbed_neighbours",
    "on_grid",
    "standard_error",
    "starts_of",
]
