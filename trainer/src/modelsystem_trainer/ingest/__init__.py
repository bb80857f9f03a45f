"""The ingest: from the bytes of one file to rows of ids and numbers, and what was read of it."""

from modelsystem_trainer.ingest.batch import Batch, CatalogueBatch, batches, catalogue_batches
from modelsystem_trainer.ingest.header import Layout, of_catalogue, of_interactions
from modelsystem_trainer.ingest.ids import (
    WAITING,
    Distinct,
    Ids,
    Numbers,
    Words,
    distinct,
    joined,
    texts,
)
from modelsystem_trainer.ingest.interactions import Interactions
from modelsystem_trainer.ingest.rejects import Rejects
from modelsystem_trainer.ingest.strict import Table, opened
from modelsystem_trainer.ingest.tally import DAY, FileTally, Span, by_day, resembling, span

__all__ = [
    "DAY",
    "WAITING",
    "Batch",
    "CatalogueBatch",
    "Distinct",
    "FileTally",
    "Ids",
    "Interactions",
    "Layout",
    "Numbers",
    "Rejects",
    "Span",
    "Table",
    "Words",
    "batches",
    "by_day",
    "catalogue_batches",
    "distinct",
    "joined",
    "of_catalogue",
    "of_interactions",
    "opened",
    "resembling",
    "span",
    "texts",
]
