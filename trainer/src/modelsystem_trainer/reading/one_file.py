"""One file of the export: its rows as columns of numbers, its ids, and what was read of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelsystem_shared.errors import StorageError
from modelsystem_shared.numeric.arrays import Float64s
from modelsystem_trainer.export import ExportFile
from modelsystem_trainer.ingest import (
    Batch,
    CatalogueBatch,
    FileTally,
    Ids,
    Layout,
    Rejects,
    Table,
    batches,
    catalogue_batches,
    of_catalogue,
    of_interactions,
    opened,
)
from modelsystem_trainer.reading.plan import Plan


@dataclass
class Columns:
    """The columns of a file's interactions; weights or times stay empty if it has none."""

    users: Ids
    items: Ids
    weight: list[Float64s] = field(default_factory=list)
    time: list[Float64s] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        """Add rows."""
        batch.users.add_to(self.users)
        batch.items.add_to(self.items)
        if batch.weight is not None:
            self.weight.append(batch.weight)
        if batch.time is not None:
            self.time.append(batch.time)
        if self.users.is_full:
            self.users.settle()
            self.items.settle()


class FileReader:
    """Reads one file."""

    def __init__(self, plan: Plan, file: ExportFile) -> None:
        """Read nothing yet."""
        self.plan, self.file = plan, file
        self.rejects = Rejects(plan.options.bad_rows)
        self.columns = Columns(Ids(plan.waiting), Ids(plan.waiting))
        self.titles: dict[str, str] = {}
        self.tally: FileTally | None = None

    def read(self) -> Iterator[int]:
        """Read the file; yield now and then the number of its bytes that are read.

        Raises:
            DataError: it cannot be used, it changed, or it has too many malformed rows.
            StorageError: it cannot be read.

        """
        with opened(self.file, self.rejects) as table:
            read = self._read_catalogue if self.file.is_catalogue else self._read_interactions
            for tally, batch in read(table):
                tally.rows += batch.rows
                tally.rows_of_others += batch.rows_of_others
                yield table.source.bytes_read
            bytes_read = table.source.bytes_read
        self.file.check_unchanged()
        if bytes_read != self.file.size:  # a volume that shows a file before its content
            raise StorageError(
                f"{self.file.name}: {bytes_read} of {self.file.size} bytes could be read"
            )

    def _read_interactions(self, table: Table) -> Iterator[tuple[FileTally, Batch]]:
        options = self.plan.options
        layout = of_interactions(options.columns, table.file.name, table.header)
        self.tally = FileTally(table.file, layout)
        for batch in batches(table, layout, options.tenant, self.plan.threads):
            self.columns.add(batch)
            self.tally.rows_kept += len(batch.users)
            self.tally.add_times(batch.times)
            yield self.tally, batch

    def _read_catalogue(self, table: Table) -> Iterator[tuple[FileTally, CatalogueBatch]]:
        options = self.plan.options
        layout = of_catalogue(options.columns, table.file.name, table.header)
        self.tally = FileTally(table.file, layout)
        for batch in catalogue_batches(table, layout, options.tenant):
            self.titles.update(batch.titles)
            yield self.tally, batch

    def outcome(self) -> dict[str, object]:
        """Return what was read, also if the reading has failed."""
        return {
            "tally": None if self.tally is None else _json_of_tally(self.tally),
            "listed": [rejected[1:] for rejected in self.rejects.listed],
            "unlisted": self.rejects.unlisted,
            "titles": self.titles,
        }


@dataclass(frozen=True)
class Outcome:
    """What was read of a file; `tally` is None if its header could not be used.

    listed: line, lines and reason of malformed rows; unlisted: the lines of each of the others.
    """

    file: ExportFile
    tally: FileTally | None
    listed: list[tuple[int, int, str]]
    unlisted: list[int]
    titles: dict[str, str]

    @classmethod
    def of_json(cls, file: ExportFile, content: Mapping[str, Any]) -> "Outcome":
        """Return the outcome of `FileReader.outcome`."""
        tally = content["tally"] and _tally_of_json(file, content["tally"])
        return cls(file, tally, content["listed"], content["unlisted"], content["titles"])

    def count_rejects(self, rejects: Rejects) -> None:
        """Add the malformed rows to those of all files, in their order.

        Raises:
            DataError: they are too many.

        """
        for line, lines, reason in self.listed:
            rejects.add(self.file.name, line, reason, lines)
        for lines in self.unlisted:  # so many are listed before that these are not
            rejects.add(self.file.name, 0, "", lines)


def _json_of_tally(tally: FileTally) -> dict[str, object]:
    layout = tally.layout
    return {
        "theirs": list(layout.theirs.items()),
        "unused": list(layout.unused),
        "resembling": list(layout.resembling.items()),
        "rows": tally.rows,
        "rows_of_others": tally.rows_of_others,
        "rows_kept": tally.rows_kept,
        "first": tally.first,
        "last": tally.last,
        "days": list(tally.days.items()),
    }


def _tally_of_json(file: ExportFile, content: Mapping[str, Any]) -> FileTally:
    counts = {
        name: value
        for name, value in content.items()
        if name not in ("theirs", "unused", "resembling", "days")
    }
    layout = Layout(
        file.name, dict(content["theirs"]), content["unused"], dict(content["resembling"])
    )
    tally = FileTally(file, layout, **counts)
    tally.days.update(dict(content["days"]))
    return tally


def joined_column(parts: list[Float64s]) -> Float64s:
    """Join the parts of a column and free them."""
    whole = np.concatenate([np.empty(0), *parts])
    parts.clear()
    return whole
