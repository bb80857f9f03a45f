"""The model, mapped and verified, and what is computed with it: rankings, scores, searches.

Users and items are ids or indices here; nothing in this room knows HTTP.
"""

from modelsystem_scorer.engine.finder import Finder
from modelsystem_scorer.engine.recommender import Basis, Contribution, Ranking
from modelsystem_scorer.engine.served import ModelInfo, ServedModel, load

__all__ = ["Basis", "Contribution", "Finder", "ModelInfo", "Ranking", "ServedModel", "load"]
