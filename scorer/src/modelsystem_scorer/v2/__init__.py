"""Version 2 of the API: the Open Inference Protocol, version 2 over REST."""

from modelsystem_scorer.v2.routes import table

__all__ = ["table"]
