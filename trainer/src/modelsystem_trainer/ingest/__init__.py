"""The ingest: from the export's files to one table of interactions, and what was read of each."""

from modelsystem_trainer.ingest.header import of_interactions
from modelsystem_trainer.ingest.interactions import Interactions, read
from modelsystem_trainer.ingest.tally import DAY, FileTally, Span, by_day, resembling

__all__ = [
    "DAY",
    "FileTally",
    "Interactions",
    "Span",
    "by_day",
    "of_interactions",
    "read",
    "resembling",
]
