"""RFC 4180, strictly: row by row, each with its line number.

A malformed row is a fault of that row, named by file and line; a file that cannot be read at all is
an error.
"""

import contextlib
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from modelsystem_shared.errors import DataError
from modelsystem_trainer.ingest.export import ExportFile
from modelsystem_trainer.ingest.rejects import Rejects
from modelsystem_trainer.ingest.source import BROKEN, Readable, Source

ROWS_IN_BLOCK = 100_000
LONGEST_LINE = 1 << 20


@dataclass(frozen=True)
class Block:
    """Rows of one file: the values of each requested column, and the line each row starts at."""

    columns: Sequence[Sequence[str]]
    lines: Sequence[int]


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
                self.spoilt[self.number] = "is not UTF-8"
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
        try:
            self.header = next(csv.reader(self.lines, strict=True), [])
        except csv.Error as error:
            raise DataError(f"{file.name} line 1: the header is not RFC 4180: {error}") from error
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
        rows: list[list[str]] = []
        numbers: list[int] = []
        for number, row in self._sound_rows(lines):
            rows.append(row)
            numbers.append(number)
            if len(rows) == ROWS_IN_BLOCK:
                yield _block(rows, numbers, places)
                rows, numbers = [], []
        if rows:
            yield _block(rows, numbers, places)

    def _sound_rows(self, lines: Lines) -> Iterator[tuple[int, list[str]]]:
        width = len(self.header)
        for line, row in self._rows(lines):
            if fault := lines.fault(line):
                self.rejects.add(self.file.name, line, fault)
            elif len(row) != width:
                self.rejects.add(
                    self.file.name, line, f"{len(row)} fields where the header has {width}"
                )
            else:
                yield line, row

    def _rows(self, lines: Lines) -> Iterator[tuple[int, list[str]]]:
        """Yield rows with the line they start at; blank lines are none."""
        reader = csv.reader(lines, strict=True)
        while lines.source.has_rest:
            line = lines.number + 1
            try:
                row = next(reader, [])
            except csv.Error as error:
                reach = f" (up to line {lines.number})" if lines.number > line else ""
                self.rejects.add(self.file.name, line, f"not RFC 4180: {error}{reach}")
                continue
            if row:
                yield line, row


def _block(rows: list[list[str]], numbers: list[int], places: list[int]) -> Block:
    columns = list(zip(*rows, strict=True))
    return Block([columns[place] for place in places], numbers)


@contextlib.contextmanager
def opened(file: ExportFile, rejects: Rejects) -> Iterator[Table]:
    """Open a CSV file, compressed or not, and read its header.

    Raises:
        DataError: there is no usable header, or, while reading, the gzip is broken.

    """
    table = None
    try:
        with contextlib.closing(Source(file)) as source:
            table = Table(file, source, rejects)
            yield table
    except BROKEN as error:
        line = table.lines.number if table else 0
        raise DataError(f"{file.name} after line {line}: broken gzip: {error}") from error
