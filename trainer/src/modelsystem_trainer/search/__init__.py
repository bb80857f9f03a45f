"""The search for the parameters of a model, on a validation part of the training part.

`space` says what may be tried, `Validation` measures it, and `Search` decides what is tried next.
"""

from modelsystem_trainer.search.climbing import (
    NOTHING,
    Budget,
    Measured,
    Search,
    Tried,
    standard_error,
)
from modelsystem_trainer.search.outcome import Outcome, RunnerUp
from modelsystem_trainer.search.space import GRIDS, STARTS, Start, on_grid, starts_of
from modelsystem_trainer.search.validation import Validation

__all__ = [
    "GRIDS",
    "NOTHING",
    "STARTS",
    "Budget",
    "Measured",
    "Outcome",
    "RunnerUp",
    "Search",
    "Start",
    "Tried",
    "Validation",
    "on_grid",
    "standard_error",
    "starts_of",
]
