"""From the export to one table of interactions and the titles of items.

Rows of the same user and item are merged: weights are added; of ratings the latest counts, the
largest if times are equal or absent; the time is the latest. A weight of 0 is no interaction.
"""

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from modelsystem_shared.errors import DataError
from modelsystem_shared.numeric.arrays import Float64s
from modelsystem_trainer import export as exports
from modelsystem_trainer.columns import Columns
from modelsystem_trainer.export import Export, ExportFile
from modelsystem_trainer.ingest import header, strict, tally
from modelsystem_trainer.ingest.batch import Batch, CatalogueBatch, batches, catalogue_batches
from modelsystem_trainer.ingest.header import Layout
from modelsystem_trainer.ingest.ids import Ids
from modelsystem_trainer.ingest.merging import merged
from modelsystem_trainer.ingest.rejects import Rejects
from modelsystem_trainer.ingest.strict import Table
from modelsystem_trainer.ingest.tally import FileTally, Span
from modelsystem_trainer.settings import Settings

log = logging.getLogger(__name__)
OnShare = Callable[[float], None]
OnProgress = Callable[[str, float], None]  # (phase, share of it that is done)


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


@dataclass(frozen=True)
class ReadOptions:
    """Names of columns, the tenant whose rows count, and how many malformed rows are tolerated.

    threads: that parse plain rows; the result does not depend on them.
    """

    columns: Columns
    tenant: str | None
    bad_rows: int
    threads: int = 1


def read(settings: Settings, on_progress: OnProgress) -> Interactions:
    """Find the export in the local folder, or download it, and read it.

    Raises:
        DataError: there is no usable export; see also `read_export`.
        AccessDeniedError, StorageError: it cannot be downloaded.

    """
    options = ReadOptions(settings.columns, settings.tenant, settings.bad_rows, settings.threads)
    with tempfile.TemporaryDirectory(prefix="modelsystem-") as scratch:
        export = exports.find(settings, Path(scratch), lambda done: on_progress("download", done))
        data = read_export(export, options, lambda done: on_progress("read", done))
    log.info(
        "Read %d interactions of %d users and %d items from %d rows",
        len(data.table), len(data.users), len(data.items), data.rows,
    )  # fmt: skip
    has_tenants = any("tenant_id" in file.layout.theirs for file in data.files)
    if settings.tenant and not has_tenants:
        log.info("TENANTID has no effect on the rows: no file has a column tenant_id")
    if data.rejects.count:
        total = data.rows + data.rejects.count
        log.warning("Lost %d of %d rows, which are malformed", data.rejects.count, total)
    return data


def read_export(
    export: Export, options: ReadOptions, on_share: OnShare = lambda _: None
) -> Interactions:
    """Read every file of the export; `on_share` gets the share of bytes that are read.

    Raises:
        DataError: a file cannot be used, too many rows are malformed, or no row is left.

    """
    reader = _Reader(options)
    total, before = max(sum(file.size for file in export.files), 1), 0
    for file in export.files:
        for bytes_read in reader.read(file):
            on_share((before + bytes_read) / total)
        file.check_unchanged()
        before += file.size
        on_share(before / total)
    reader.rejects.check()
    return reader.result(export)


@dataclass
class _Columns:
    """The columns of all interactions; weights or times stay empty if the data has none."""

    users: Ids = field(default_factory=Ids)
    items: Ids = field(default_factory=Ids)
    weight: list[Float64s] = field(default_factory=list)
    time: list[Float64s] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        batch.users.add_to(self.users)
        batch.items.add_to(self.items)
        if batch.weight is not None:
            self.weight.append(batch.weight)
        if batch.time is not None:
            self.time.append(batch.time)
        if self.users.is_full:
            with ThreadPoolExecutor(2) as pool:  # both kinds of ids at once
                list(pool.map(Ids.settle, (self.users, self.items)))


class _Reader:
    """Collects the rows of the files, one file after the other."""

    def __init__(self, options: ReadOptions) -> None:
        self.options = options
        self.rejects = Rejects(options.bad_rows)
        self.columns = _Columns()
        self.titles: dict[str, str] = {}
        self.first: Layout | None = None
        self.files: list[FileTally] = []

    def read(self, file: ExportFile) -> Iterator[int]:
        """Read a file; yield now and then the number of its bytes that are read."""
        read = self.read_catalogue if file.is_catalogue else self.read_interactions
        with strict.opened(file, self.rejects) as table:
            for batch in read(table):
                self.files[-1].rows += batch.rows
                self.files[-1].rows_of_others += batch.rows_of_others
                if (bytes_read := table.source.bytes_read) < file.size:
                    yield bytes_read

    def read_interactions(self, table: Table) -> Iterator[Batch]:
        layout = header.of_interactions(self.options.columns, table.file.name, table.header)
        self.first = self.first or layout
        self.first.check_alike(layout)
        self.files.append(FileTally(table.file, layout))
        for batch in batches(table, layout, self.options.tenant, self.options.threads):
            self.columns.add(batch)
            self.files[-1].rows_kept += len(batch.users)
            self.files[-1].add_times(batch.times)
            yield batch

    def read_catalogue(self, table: Table) -> Iterator[CatalogueBatch]:
        layout = header.of_catalogue(self.options.columns, table.file.name, table.header)
        self.files.append(FileTally(table.file, layout))
        for batch in catalogue_batches(table, layout, self.options.tenant):
            self.titles.update(batch.titles)
            yield batch

    def result(self, export: Export) -> Interactions:
        """Return all that was read; this ends the reading and frees its memory."""
        self.check_not_empty(export)
        columns, self.columns = self.columns, _Columns()
        users, user = columns.users.sort()
        items, item = columns.items.sort()
        weight, time = _joined(columns.weight), _joined(columns.time)
        span = tally.span(self.files)
        if time is not None and span and span.odd:
            time = tally.clipped(time, span)
        is_rating = self.first is not None and "rating" in self.first.theirs
        return Interactions(
            users=users,
            items=items,
            table=merged(user, item, weight, time, is_rating=is_rating),
            titles=self.titles,
            rows=sum(file.rows for file in self.files),
            rows_of_others=sum(file.rows_of_others for file in self.files),
            files=self.files,
            span=span,
            export=export,
            rejects=self.rejects,
        )

    def check_not_empty(self, export: Export) -> None:
        if not len(self.columns.users):
            tenant = self.options.tenant
            of_tenant = f" of tenant {tenant}" if tenant else ""
            rows = sum(file.rows for file in self.files)
            raise DataError(
                f"{export.location}: no interactions{of_tenant} in {rows} rows; files "
                "named items* are catalogues, all others hold interactions"
            )


def _joined(parts: list[Float64s]) -> Float64s | None:
    """Join the parts of a column, if there are any, and free them."""
    whole = np.concatenate(parts) if parts else None
    parts.clear()
    return whole
