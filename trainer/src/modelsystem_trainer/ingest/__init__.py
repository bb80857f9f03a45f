"""The ingest: from the export, local or in Blob Storage, to one table of interactions."""

from modelsystem_trainer.ingest.interactions import Interactions, read

__all__ = ["Interactions", "read"]
