"""The evaluation: what is held out from a fit, and how well a model finds it.

`Split` holds out, `Validation` serves the search, `measure_on_test` and `measure_on_gate` return
the figures of the manifest, and `trend` chooses how fast popularity fades.
"""

from modelsystem_trainer.evaluation import trend
from modelsystem_trainer.evaluation.gate import (
    Champion,
    Comparison,
    Gain,
    Gate,
    load_champion,
    measure_on_gate,
)
from modelsystem_trainer.evaluation.measurement import (
    Validation,
    measure_on_test,
    validation_users,
)
from modelsystem_trainer.evaluation.metrics import Band, Figures, Metrics, in_bands
from modelsystem_trainer.evaluation.split import Split, matrix

__all__ = [
    "Band",
    "Champion",
    "Comparison",
    "Figures",
    "Gain",
    "Gate",
    "Metrics",
    "Split",
    "Validation",
    "in_bands",
    "load_champion",
    "matrix",
    "measure_on_gate",
    "measure_on_test",
    "trend",
    "validation_users",
]
