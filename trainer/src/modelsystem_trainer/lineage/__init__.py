"""The lineage of a training: which data became which model, as OpenLineage events."""

from modelsystem_trainer.lineage.reporter import Reporter

__all__ = ["Reporter"]
