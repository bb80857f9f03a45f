"""From the export's files to one table of interactions and the titles of items.

Rows that name the same user and item are merged: weights are added; of ratings the latest
counts, the largest where times are equal or absent; the time is the latest. A weight of 0
is no interaction.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd

from modelsystem_shared.errors import DataError
from modelsystem_trainer.columns import Columns
from modelsystem_trainer.ingest import cells, header, strict
from modelsystem_trainer.ingest.cells import Floats
from modelsystem_trainer.ingest.export import Export, ExportFile
from modelsystem_trainer.ingest.fast import Fields
from modelsystem_trainer.ingest.header import Layout
from modelsystem_trainer.ingest.ids import Ids, Words
from modelsystem_trainer.ingest.merging import merged
from modelsystem_trainer.ingest.rejects import Rejects
from modelsystem_trainer.ingest.strict import Block

OnShare = Callable[[float], None]
_NUMBERS = {"rating": cells.weights, "weight": cells.weights, "timestamp": cells.timestamps}


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
    """How to read: names of columns, the tenant whose rows count, malformed rows to bear.

    threads: that parse what is plain; the result does not depend on them.
    """

    columns: Columns
    tenant: str | None
    bad_rows: int
    threads: int = 1


def read(export: Export, how: Reading, on_share: OnShare = lambda _: None) -> Interactions:
    """Read every file of the export; `on_share` is told the share of bytes done.

    Raises:
        DataError: a file cannot be used, too many rows are malformed, or nothing is left.

    """
    reader = _Reader(how)
    total, done = max(sum(file.size for file in export.files), 1), 0

    def tell(before: int, so_far: int) -> None:
        on_share((before + so_far) / total)

    for file in export.files:
        reader.read(file, partial(tell, done))
        file.check_unchanged()
        done += file.size
        on_share(done / total)
    reader.rejects.check()
    return reader.result(export)


@dataclass(frozen=True)
class _Plain:
    """Plain rows: how many, how many of other tenants, and the columns of those that count.

    weight, time: None where the data has none.
    """

    rows: int
    rows_of_others: int
    users: Words
    items: Words
    weight: Floats | None
    time: Floats | None


def _plain(fields: Fields, names: Sequence[str], tenant: str | None) -> _Plain | None:
    """Read columns, by our `names`; None where a row could be malformed."""
    column = {name: place for place, name in enumerate(names)}
    short = [name for name in ("user_id", "item_id", "tenant_id") if name in column]
    if not all(fields.are_short(column[name], or_empty=name == "tenant_id") for name in short):
        return None
    numbers: dict[str, Floats] = {}
    for name, parse in _NUMBERS.items():
        if name in column:
            if (found := fields.numbers(column[name], parse)) is None:
                return None
            numbers[name] = found
    own = np.ones(len(fields), bool)
    if tenant is not None and "tenant_id" in column:
        own = fields.equal(column["tenant_id"], tenant)
    counts = own & (numbers["weight"] > 0) if "weight" in numbers else own
    some = fields.of(counts)
    weight = numbers.get("rating", numbers.get("weight"))
    time = numbers.get("timestamp")
    return _Plain(
        rows=len(fields),
        rows_of_others=len(fields) - int(own.sum()),
        users=some.words(column["user_id"]),
        items=some.words(column["item_id"]),
        weight=None if weight is None else weight[counts],
        time=None if time is None else time[counts],
    )


@dataclass
class _Columns:
    """The columns of all interactions; weights or times stay empty where the data has none."""

    users: Ids = field(default_factory=Ids)
    items: Ids = field(default_factory=Ids)
    weight: list[Floats] = field(default_factory=list)
    time: list[Floats] = field(default_factory=list)

    def add_numbers(self, weight: Floats | None, time: Floats | None) -> None:
        if weight is not None:
            self.weight.append(weight)
        if time is not None:
            self.time.append(time)

    def settle(self) -> None:
        """Give ids their numbers where many wait for one; both kinds at once."""
        if self.users.is_full:
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(Ids.settle, (self.users, self.items)))


class _Reader:
    """Collects what is in the files, one after the other."""

    def __init__(self, how: Reading) -> None:
        self.how = how
        self.rejects = Rejects(how.bad_rows)
        self.columns = _Columns()
        self.titles: dict[str, str] = {}
        self.first: Layout | None = None
        self.rows = self.rows_of_others = 0

    def read(self, file: ExportFile, on_bytes: Callable[[int], None]) -> None:
        with strict.opened(file, self.rejects) as table:
            if file.is_catalogue:
                self.read_catalogue(table)
                return
            found = header.of_interactions(self.how.columns, file.name, table.header)
            self.first = self.first or found
            self.first.check_alike(found)
            parse = partial(_plain, names=list(found.theirs), tenant=self.how.tenant)
            for part in table.parts(list(found.theirs.values()), parse, self.how.threads):
                if isinstance(part, Block):
                    self.add_block(part, found)
                else:
                    self.add_plain(part)
                if (so_far := table.source.bytes_read) < file.size:
                    on_bytes(so_far)

    def read_catalogue(self, table: strict.Table) -> None:
        found = header.of_catalogue(self.how.columns, table.file.name, table.header)
        for block in table.blocks(list(found.theirs.values())):
            frame = self.sound(block, found)
            self.titles.update(zip(frame["item_id"], frame["title"], strict=True))

    def sound(self, block: Block, found: Layout) -> pd.DataFrame:
        """Return a block's sound rows of our tenant, by our column names."""
        texts = pd.DataFrame(dict(zip(found.theirs, block.columns, strict=True)), dtype=object)
        frame, malformed = cells.parse(texts)
        for place, reason in malformed:
            self.rejects.add(found.file, block.lines[place], reason)
        self.rows += len(frame)
        if self.how.tenant is None or "tenant_id" not in frame:
            return frame
        own = frame[frame["tenant_id"] == self.how.tenant]
        self.rows_of_others += len(frame) - len(own)
        return own

    def add_block(self, block: Block, found: Layout) -> None:
        frame = self.sound(block, found)
        if "weight" in frame:
            frame = frame[frame["weight"] > 0]
        self.columns.users.add_texts(frame["user_id"].tolist())
        self.columns.items.add_texts(frame["item_id"].tolist())
        self.columns.add_numbers(_column(frame, "rating", "weight"), _column(frame, "timestamp"))

    def add_plain(self, plain: _Plain) -> None:
        self.rows += plain.rows
        self.rows_of_others += plain.rows_of_others
        self.columns.users.add_words(plain.users)
        self.columns.items.add_words(plain.items)
        self.columns.add_numbers(plain.weight, plain.time)
        self.columns.settle()

    def result(self, export: Export) -> Interactions:
        if not len(self.columns.users):
            of_tenant = f" of tenant {self.how.tenant}" if self.how.tenant else ""
            raise DataError(
                f"{export.location}: no interactions{of_tenant} in {self.rows} sound rows"
            )
        columns, self.columns = self.columns, _Columns()
        users, user = columns.users.sort()
        items, item = columns.items.sort()
        table = merged(
            user,
            item,
            _joined(columns.weight),
            _joined(columns.time),
            is_rating=self.first is not None and "rating" in self.first.theirs,
        )
        return Interactions(
            users=users,
            items=items,
            table=table,
            titles=self.titles,
            rows=self.rows,
            rows_of_others=self.rows_of_others,
            export=export,
            rejects=self.rejects,
        )


def _column(frame: pd.DataFrame, *names: str) -> Floats | None:
    present = next((name for name in names if name in frame), None)
    return None if present is None else frame[present].to_numpy(np.float64)


def _joined(parts: list[Floats]) -> Floats | None:
    """Join the parts of a column, if there are any, and forget them."""
    whole = np.concatenate(parts) if parts else None
    parts.clear()
    return whole
