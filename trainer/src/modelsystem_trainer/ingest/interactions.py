"""What was read of an export: one table of interactions and the titles of items."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from modelsystem_trainer.export import Export
from modelsystem_trainer.ingest.rejects import Rejects
from modelsystem_trainer.ingest.tally import FileTally, Span


@dataclass(frozen=True)
class Interactions:
    """Which user chose which item.

    users, items: the ids, sorted by their UTF-8 bytes.
    table: one row for each pair, sorted by user and item, with columns user and item (int32,
        places in those lists), weight (float64, 1 if the data has none) and time (float64, seconds
        since 1970 UTC, odd ones moved into `span`; NaN if the data has none).
    titles: item id to title, from the catalogue; of several the last, in order of files.
    rows, rows_of_others: the number of sound rows, and of those of other tenants.
    files: what was read of each file; `span`: from when to when, None without times.
    export, rejects: the export, and its malformed rows.
    """

    users: Sequence[str]
    items: Sequence[str]
    table: pd.DataFrame
    titles: dict[str, str]
    rows: int
    rows_of_others: int
    files: Sequence[FileTally]
    span: Span | None
    export: Export
    rejects: Rejects

    @property
    def rows_kept(self) -> int:
        """The number of rows that became interactions; some of them are merged."""
        return sum(file.rows_kept for file in self.files)
