"""From the export's files to one table of interactions and the titles of items.

Rows that name the same user and item are merged: weights are added; of ratings the latest
counts, the largest where times are equal or absent; the time is the latest. A weight of 0
is no interaction.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from modelsystem_shared.errors import DataError
from modelsystem_trainer import csvs, layout, values
from modelsystem_trainer.columns import Columns
from modelsystem_trainer.export import Export, ExportFile
from modelsystem_trainer.layout import Layout
from modelsystem_trainer.rejects import Rejects

OnShare = Callable[[float], None]


@dataclass(frozen=True)
class Interactions:
    """Who chose what.

    users, items: the ids, sorted by their UTF-8 bytes.
    table: one row for each pair, sorted by user and item, with columns user and item (int32,
        places in those lists), weight (float64, 1 where the data has none) and time
        (float64, seconds since 1970 UTC, NaN where the data has none).
    titles: item id to title, from the catalogue; of several the last, in order of files.
    rows, rows_of_others: sound rows read, and those among them of other tenants.
    export, rejects: the files all this is from, and their malformed rows.
    """

    users: Sequence[str]
    items: Sequence[str]
    table: pd.DataFrame
    titles: dict[str, str]
    rows: int
    rows_of_others: int
    export: Export
    rejects: Rejects


@dataclass(frozen=True)
class Reading:
    """How to read: names of columns, the tenant whose rows count, malformed rows to bear."""

    columns: Columns
    tenant: str | None
    bad_rows: int


def read(export: Export, how: Reading, on_share: OnShare = lambda _: None) -> Interactions:
    """Read every file of the export; `on_share` is told the share of bytes done.

    Raises:
        DataError: a file cannot be used, too many rows are malformed, or nothing is left.

    """
    reader = _Reader(how.columns, how.tenant, Rejects(how.bad_rows))
    total, done = sum(file.size for file in export.files), 0
    for file in export.files:
        reader.read(file)
        file.check_unchanged()
        done += file.size
        on_share(done / max(total, 1))
    reader.rejects.check()
    return reader.result(export)


@dataclass
class _Reader:
    columns: Columns
    tenant: str | None
    rejects: Rejects
    users: values.Codes = field(default_factory=values.Codes)
    items: values.Codes = field(default_factory=values.Codes)
    coded: list[pd.DataFrame] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    first: Layout | None = None
    rows: int = 0
    rows_of_others: int = 0

    def read(self, file: ExportFile) -> None:
        with csvs.opened(file, self.rejects) as table:
            if file.is_catalogue:
                found = layout.of_catalogue(self.columns, file.name, table.header)
                for frame in self.frames(table, found):
                    self.titles.update(zip(frame["item_id"], frame["title"], strict=True))
            else:
                found = layout.of_interactions(self.columns, file.name, table.header)
                self.first = self.first or found
                self.first.check_alike(found)
                for frame in self.frames(table, found):
                    self.coded.append(self.code(frame))

    def frames(self, table: csvs.Table, found: Layout) -> Iterator[pd.DataFrame]:
        """Yield a file's sound rows of our tenant, by our column names."""
        for block in table.blocks(list(found.theirs.values())):
            texts = pd.DataFrame(dict(zip(found.theirs, block.columns, strict=True)), dtype=object)
            frame, malformed = values.parse(texts)
            for place, reason in malformed:
                self.rejects.add(found.file, block.lines[place], reason)
            yield self.own(frame)

    def own(self, frame: pd.DataFrame) -> pd.DataFrame:
        self.rows += len(frame)
        if self.tenant is None or "tenant_id" not in frame:
            return frame
        own = frame[frame["tenant_id"] == self.tenant]
        self.rows_of_others += len(frame) - len(own)
        return own

    def code(self, frame: pd.DataFrame) -> pd.DataFrame:
        if "weight" in frame:
            frame = frame[frame["weight"] > 0]
        return pd.DataFrame(
            {
                "user": self.users.of(frame["user_id"].tolist()),
                "item": self.items.of(frame["item_id"].tolist()),
                "weight": _column(frame, "rating", "weight", default=1.0),
                "time": _column(frame, "timestamp", default=np.nan),
            }
        )

    def result(self, export: Export) -> Interactions:
        if not sum(map(len, self.coded)):
            of_tenant = f" of tenant {self.tenant}" if self.tenant else ""
            raise DataError(
                f"{export.location}: no interactions{of_tenant} in {self.rows} sound rows"
            )
        table = pd.concat(self.coded, ignore_index=True)
        users, user_places = self.users.sort()
        items, item_places = self.items.sort()
        table["user"] = user_places[table["user"]]
        table["item"] = item_places[table["item"]]
        is_rating = self.first is not None and "rating" in self.first.theirs
        return Interactions(
            users=users,
            items=items,
            table=merged(table, is_rating),
            titles=self.titles,
            rows=self.rows,
            rows_of_others=self.rows_of_others,
            export=export,
            rejects=self.rejects,
        )


def _column(frame: pd.DataFrame, *names: str, default: float) -> npt.NDArray[np.float64]:
    present = next((name for name in names if name in frame), None)
    if present is None:
        return np.full(len(frame), default)
    return frame[present].to_numpy(np.float64)


def merged(table: pd.DataFrame, is_rating: bool) -> pd.DataFrame:
    """Merge rows of the same user and item, by the rule above, whatever their order was."""
    order = np.lexsort([table[name] for name in ("weight", "time", "item", "user")])
    table = table.iloc[order].reset_index(drop=True)
    last = ~table.duplicated(["user", "item"], keep="last").to_numpy()
    result = table[last].reset_index(drop=True)
    if not is_rating:
        first = np.flatnonzero(~table.duplicated(["user", "item"]).to_numpy())
        result["weight"] = np.add.reduceat(table["weight"].to_numpy(), first)
    return result
