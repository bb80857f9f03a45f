"""The evaluation: what is held out from a fit, and how well a model finds it.

`Split` holds out, `measure_on_test` and `measure_on_gate` return
the figures of the manifest, and `trend` chooses how fast popularity fades.
"""

from modelsystem_trainer.evaluation import metrics, ranking, trend
from modelsystem_trainer.evaluation.gate import (
    Champion,
    Comparison,
    Gain,
    Gate,
    load_champion,
    measure_on_gate,
)
from modelsystem_trainer.evaluation.measurement import measure_on_test
from modelsystem_trainer.evaluation.metrics import Band, Figures, Metrics, in_bands
from modelsystem_trainer.evaluation.split import SEARCH_USERS, EvaluationSet, Split, matrix

__all__ = [
    "SEARCH_USERS",
    "Band",
    "Champion",
    "Comparison",
    "EvaluationSet",
    "Figures",
    "Gain",
    "Gate",
    "Metrics",
    "Split",
    "in_bands",
    "load_champion",
    "matrix",
    "measure_on_gate",
    "measure_on_test",
    "metrics",
    "ranking",
    "trend",
]
