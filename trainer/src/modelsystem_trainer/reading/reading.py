"""From the export to one table of interactions and the titles of items.

Rows of the same user and item are merged: weights are added; of ratings the latest counts, the
largest if times are equal or absent; the time is the latest. A weight of 0 is no interaction.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd

from modelsystem_shared.errors import DataError, ModelSystemError
from modelsystem_trainer import export as exports
from modelsystem_trainer.engines import Phase, Workplace, faults, on_this_machine, parts
from modelsystem_trainer.export import Export
from modelsystem_trainer.ingest import DAY, WAITING, FileTally, Interactions, Rejects, Span, span
from modelsystem_trainer.reading import phases
from modelsystem_trainer.reading.one_file import Outcome
from modelsystem_trainer.reading.phases import MERGE, NUMBER, READ
from modelsystem_trainer.reading.plan import Plan, Ranges, ReadOptions
from modelsystem_trainer.reading.sorting import SortedIds
from modelsystem_trainer.settings import Settings

log = logging.getLogger(__name__)
OnProgress = Callable[[str, float], None]  # (phase, share of it that is done)
_ROWS_OF_RANGE = 2_000_000  # about so many rows are merged at once
_COLUMNS = ("user", "item", "weight", "time")


def read(settings: Settings, workplace: Workplace, on_progress: OnProgress) -> Interactions:
    """Find the export in the local folder, or download it, and read it.

    Raises:
        DataError: there is no usable export; see also `read_export`.
        AccessDeniedError, StorageError: it cannot be downloaded.

    """
    options = ReadOptions(settings.columns, settings.tenant, settings.bad_rows)
    export = exports.find(settings, workplace, lambda done: on_progress("download", done))
    data = read_export(export, options, on_progress, workplace)
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
    export: Export,
    options: ReadOptions,
    on_progress: OnProgress = lambda _phase, _share: None,
    workplace: Workplace | None = None,
) -> Interactions:
    """Read every file of the export; of the phase `read` the share is that of the bytes.

    workplace: where that is done; None for this machine, one file after the other.

    Raises:
        DataError: a file cannot be used, too many rows are malformed, or no row is left.
        StorageError: a file cannot be read.

    """
    with nullcontext(workplace) if workplace else on_this_machine() as place:
        return _Reading(export, options, place, on_progress).run()


class _Reading:
    """The reading of one export: what runs where, and in which order."""

    def __init__(
        self, export: Export, options: ReadOptions, workplace: Workplace, on_progress: OnProgress
    ) -> None:
        self.export, self.options = export, options
        self.workplace, self.folder = workplace, workplace.folder
        self.on_progress = on_progress
        self.rejects = Rejects(options.bad_rows)
        self.files: list[FileTally] = []
        self.titles: dict[str, str] = {}

    def run(self) -> Interactions:
        self.read_files()
        with_rows = [number for number, file in enumerate(self.files) if file.rows_kept]
        if not with_rows:
            raise self.no_interactions()
        users, items = self.sort_ids(with_rows)
        days = span(self.files)
        ranges = self.cut(with_rows, len(users), days)
        users_texts, items_texts = users.texts(), items.texts()
        del users, items
        return Interactions(
            users=users_texts,
            items=items_texts,
            table=self.merged(ranges),
            titles=self.titles,
            rows=sum(file.rows for file in self.files),
            rows_of_others=sum(file.rows_of_others for file in self.files),
            files=self.files,
            span=days,
            export=self.export,
            rejects=self.rejects,
        )

    def phase(self, phase: Phase, name: str, numbers: Sequence[int], *sizes: Sequence[int]) -> None:
        self.workplace.run(
            phase, name, numbers, lambda share: self.on_progress(name, share), *sizes
        )

    def read_files(self) -> None:
        """Read all files; raise the error that comes first in their order."""
        files = self.export.files
        at_once = min(self.workplace.engine.workers, len(files))
        threads = max(1, self.workplace.engine.workers // len(files))
        Plan(self.options, files, threads, WAITING // at_once).save(self.folder)
        numbers, sizes = range(len(files)), [file.size for file in files]
        try:
            self.phase(phases.read, READ, numbers, sizes)
        except ModelSystemError:
            if (failed := faults.first(self.folder, READ, numbers)) is not None:
                self.count(range(failed + 1))
            raise
        self.count(numbers)
        self.rejects.check()
        for file in files:
            if file.etag is not None:  # a blob that was downloaded
                file.path.unlink(missing_ok=True)

    def count(self, numbers: Sequence[int]) -> None:
        """Count what was read of some files, in their order, as if they were read one by one.

        Raises:
            DataError: their columns differ, or too many rows are malformed.

        """
        first = None
        for number in numbers:
            file = self.export.files[number]
            outcome = Outcome.of_json(file, parts.read_json(phases.tally(self.folder, number)))
            if outcome.tally:
                self.files.append(outcome.tally)
                if not file.is_catalogue:
                    first = first or outcome.tally.layout
                    first.check_alike(outcome.tally.layout)
            outcome.count_rejects(self.rejects)
            self.titles |= outcome.titles

    def no_interactions(self) -> DataError:
        """Return the error of an export without rows of ours."""
        of_tenant = f" of tenant {self.options.tenant}" if self.options.tenant else ""
        rows = sum(file.rows for file in self.files)
        return DataError(
            f"{self.export.location}: no interactions{of_tenant} in {rows} rows; files "
            "named items* are catalogues, all others hold interactions"
        )

    def sort_ids(self, with_rows: Sequence[int]) -> list[SortedIds]:
        """Sort the users and the items of all files."""
        result = []
        for name in phases.ID_COLUMNS:
            each = (phases.distinct_ids(self.folder, number)[name] for number in with_rows)
            result.append(SortedIds.of(each))
            result[-1].save(self.folder, name)
        return result

    def cut(self, with_rows: Sequence[int], n_users: int, days: Span | None) -> Ranges:
        """Replace all ids by their places; return the ranges of users that rows are cut by."""
        rows = sum(file.rows_kept for file in self.files)
        count = min(-(-rows // _ROWS_OF_RANGE), n_users)
        bounds = [n_users * n // count for n in range(count + 1)]
        theirs = self.files[with_rows[0]].layout.theirs
        columns = [name for name in ("weight", "time") if _has(theirs, name)]
        clip = self.sound_times(with_rows, days) if days and days.odd else None
        ranges = Ranges(with_rows, bounds, columns, "rating" in theirs, clip)
        ranges.save(self.folder)
        self.phase(phases.number, NUMBER, with_rows)
        self.remove(READ, with_rows)
        return ranges

    def sound_times(self, with_rows: Sequence[int], days: Span) -> tuple[float, float]:
        """Return the earliest and the latest of the times that are not odd.

        Odd times are moved between them. The newest time is the origin from which recency counts:
        one row of the year 2099 would make all others infinitely old.
        """
        start, end = days.first_day * DAY, (days.last_day + 1) * DAY
        bounds = [phases.sound_times(self.folder, n, start, end) for n in with_rows]
        each = np.concatenate(bounds)
        return float(each.min()), float(each.max())

    def merged(self, ranges: Ranges) -> pd.DataFrame:
        """Merge the rows of each range, and return the table of all."""
        numbers = range(len(ranges))
        self.phase(phases.merge, MERGE, numbers)
        self.remove(NUMBER, ranges.files)
        columns = {name: self.joined(numbers, name) for name in _COLUMNS}
        self.remove(MERGE, numbers)
        return pd.DataFrame(columns, copy=False)

    def joined(self, numbers: Sequence[int], name: str) -> np.ndarray:
        paths = [phases.column(self.folder, MERGE, number, name) for number in numbers]
        return np.concatenate([parts.mapped(path) for path in paths])

    def remove(self, phase: str, numbers: Sequence[int]) -> None:
        """Remove the columns that a phase has written, which no phase needs any more."""
        for number in numbers:
            for name in _COLUMNS:
                Path(phases.column(self.folder, phase, number, name)).unlink(missing_ok=True)


def _has(theirs: dict[str, str], column: str) -> bool:
    names = {"weight": ("rating", "weight"), "time": ("timestamp",)}[column]
    return any(name in theirs for name in names)
