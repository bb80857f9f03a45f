"""RFC 4180, strictly: row by row, each with its line number.

A malformed row is a fault of that row, named by file and line; a file that cannot be read at all is
an error.
"""

import contextlib
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from modelsystem_shared.errors import DataError, StorageError
from modelsystem_trainer import export
from modelsystem_trainer.export import BROKEN, ExportFile, Readable, Source
from modelsystem_trainer.ingest.rejects import Rejects

ROWS_IN_BLOCK = 100_000
LONGEST_LINE = 1 << 20
_SENTENCES = {  # by the beginning of what the csv module says
    "',' expected after": "a quote within a field is not doubled",
    "unexpected end of data": "a quote is not closed",
    "field larger than field limit": "a field is longer than 131,072 characters, as after a "
    "quote that is not closed",
    "new-line character seen in unquoted field": "a carriage return stands alone",
    "line contains NUL": "it has a NUL character",
}


@dataclass(frozen=True)
class Block:
    """Rows of one file.

    columns: the values of each requested column.
    lines, heights: the line that each row starts at, and the number of lines that it takes.
    """

    columns: Sequence[Sequence[str]]
    lines: Sequence[int]
    heights: Sequence[int]


class Lines:
    """Decodes line by line: bad UTF-8 spoils a row, not the file.

    number: that of the last line.
    """

    def __init__(self, source: Readable, number: int) -> None:
        """Read on after line `number`."""
        self.source, self.number = source, number
        self.spoilt: dict[int, str] = {}

    def __iter__(self) -> Iterator[str]:
        for line in iter(lambda: self.source.readline(LONGEST_LINE), b""):
            self.number += 1
            if len(line) == LONGEST_LINE:
                self.spoilt[self.number] = "is longer than 1 MiB"
                self._skip_rest(line)
            try:
                yield line.decode("utf-8-sig" if self.number == 1 else "utf-8")
            except UnicodeDecodeError:
                self.spoilt[self.number] = f"is not UTF-8, it seems {export.encoding(line)}"
                yield line.decode(errors="replace")

    def _skip_rest(self, line: bytes) -> None:
        while line and not line.endswith(b"\n"):
            line = self.source.readline(LONGEST_LINE)

    def fault(self, first: int) -> str | None:
        """Return what is wrong with a line from `first` to the last one."""
        if not self.spoilt:
            return None
        numbers = range(first, self.number + 1)
        return next((self.spoilt[n] for n in numbers if n in self.spoilt), None)


class Table:
    """A CSV file behind its header; it is read once."""

    def __init__(self, file: ExportFile, source: Source, rejects: Rejects) -> None:
        """Read the header.

        Raises:
            DataError: there is none, or it names a column twice.

        """
        self.file, self.source, self.rejects = file, source, rejects
        self.lines = Lines(source, 0)
        if kind := source.kind:
            raise DataError(f"{file.name}: this is not CSV, it seems to be {kind}")
        try:
            self.header = next(csv.reader(self.lines, strict=True), [])
        except csv.Error as error:
            reason = _sentence(error)
            raise DataError(f"{file.name} line 1: the header is not RFC 4180: {reason}") from error
        if any("\0" in name for name in self.header):
            raise DataError(f"{file.name} line 1: the header is not UTF-8, it seems UTF-16")
        if not self.header:
            raise DataError(f"{file.name} line 1: the file is empty or lacks a header row")
        if fault := self.lines.fault(1):
            raise DataError(f"{file.name} line 1: the header {fault}")
        if twice := [name for name in self.header if self.header.count(name) > 1]:
            raise DataError(f"{file.name} line 1: column {twice[0]!r} is there twice")

    def places(self, names: Sequence[str]) -> list[int]:
        """Return where these columns are in a row."""
        return [self.header.index(name) for name in names]

    def blocks(self, names: Sequence[str]) -> Iterator[Block]:
        """Yield all sound rows, the columns `names` only; malformed ones go to the rejects."""
        while chunk := self.source.chunk():
            self.source.put_back(chunk)
            yield from self.blocks_of(self.lines, names)
        self.source.check()

    def blocks_of(self, lines: Lines, names: Sequence[str]) -> Iterator[Block]:
        """Yield the sound rows that begin in what the lines' source has put back."""
        places = self.places(names)
        rows: list[_Row] = []
        for row in self._sound_rows(lines):
            rows.append(row)
            if len(rows) == ROWS_IN_BLOCK:
                yield _block(rows, places)
                rows = []
        if rows:
            yield _block(rows, places)

    def _sound_rows(self, lines: Lines) -> Iterator["_Row"]:
        width = len(self.header)
        for row in self._rows(lines):
            if fault := lines.fault(row.line):
                self.rejects.add(self.file.name, row.line, fault, row.height)
            elif len(row.fields) != width:
                reason = f"{len(row.fields)} fields where the header has {width}"
                self.rejects.add(self.file.name, row.line, reason, row.height)
            else:
                yield row

    def _rows(self, lines: Lines) -> Iterator["_Row"]:
        """Yield rows; blank lines are none."""
        reader = csv.reader(lines, strict=True)
        while lines.source.has_rest:
            line = lines.number + 1
            try:
                fields = next(reader, [])
            except csv.Error as error:
                height = max(lines.number - line + 1, 1)
                reason = f"not RFC 4180: {_sentence(error)}"
                self.rejects.add(self.file.name, line, reason, height)
                continue
            if fields:
                yield _Row(fields, line, lines.number - line + 1)


class _Row(NamedTuple):
    """A row: its fields, the line that it starts at, and the number of lines that it takes."""

    fields: list[str]
    line: int
    height: int


def _block(rows: list[_Row], places: list[int]) -> Block:
    columns = list(zip(*(row.fields for row in rows), strict=True))
    lines, heights = [row.line for row in rows], [row.height for row in rows]
    return Block([columns[place] for place in places], lines, heights)


def _sentence(error: csv.Error) -> str:
    """Return our words for an error of the csv module."""
    said = str(error)
    return next((ours for start, ours in _SENTENCES.items() if said.startswith(start)), said)


@contextlib.contextmanager
def opened(file: ExportFile, rejects: Rejects) -> Iterator[Table]:
    """Open a CSV file, compressed or not, and read its header.

    Raises:
        DataError: there is no usable header, or, while reading, the gzip is broken.
        StorageError: the file cannot be read.

    """
    table = None
    try:
        with contextlib.closing(Source(file)) as source:
            table = Table(file, source, rejects)
            yield table
    except BROKEN as error:
        line = table.lines.number if table else 0
        reason = export.fault(error)
        raise DataError(f"{file.name} after line {line}: broken gzip: {reason}") from error
    except OSError as error:
        line = table.lines.number if table else 0
        why = error.strerror or error
        raise StorageError(f"{file.name} cannot be read after line {line}: {why}") from error
