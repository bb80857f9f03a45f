"""RFC 4180, strictly: blocks of rows as columns of text, each row with its line number.

One malformed row is a fault of that row, with file and line; a file that cannot be read at
all is an error.
"""

import contextlib
import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, cast

from modelsystem_shared import files
from modelsystem_shared.errors import DataError
from modelsystem_trainer.export import ExportFile
from modelsystem_trainer.rejects import Rejects

ROWS_IN_BLOCK = 100_000
LONGEST_LINE = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"  # no UTF-8 text begins with it


@dataclass(frozen=True)
class Block:
    """Rows of one file: the values of each wanted column, and the line each row starts at."""

    columns: Sequence[Sequence[str]]
    lines: Sequence[int]


class _Lines:
    """Decodes line by line, so that bad UTF-8 spoils a row and not the file."""

    def __init__(self, binary: IO[bytes]) -> None:
        self.binary = binary
        self.spoilt: dict[int, str] = {}

    def __iter__(self) -> Iterator[str]:
        encoding = "utf-8-sig"
        for number, line in enumerate(iter(lambda: self.binary.readline(LONGEST_LINE), b""), 1):
            if len(line) == LONGEST_LINE:
                self.spoilt[number] = "is longer than 1 MiB"
                self._skip_rest(line)
            try:
                yield line.decode(encoding)
            except UnicodeDecodeError:
                self.spoilt[number] = "is not UTF-8"
                yield line.decode(errors="replace")
            encoding = "utf-8"

    def _skip_rest(self, line: bytes) -> None:
        while line and not line.endswith(b"\n"):
            line = self.binary.readline(LONGEST_LINE)

    def fault(self, first: int, last: int) -> str | None:
        if not self.spoilt:
            return None
        return next((self.spoilt[n] for n in range(first, last + 1) if n in self.spoilt), None)


class Table:
    """A CSV file that is read from its header to its end, once."""

    def __init__(self, file: ExportFile, binary: IO[bytes], rejects: Rejects) -> None:
        """Read the header.

        Raises:
            DataError: there is none, or it names a column twice.

        """
        self.file, self.rejects = file, rejects
        self.lines = _Lines(binary)
        self.reader = csv.reader(self.lines, strict=True)
        try:
            self.header = next(self.reader, [])
        except csv.Error as error:
            raise DataError(f"{file.name} line 1: the header is not RFC 4180: {error}") from error
        if not self.header:
            raise DataError(f"{file.name} line 1: the file is empty or lacks a header row")
        if fault := self.lines.fault(1, self.reader.line_num):
            raise DataError(f"{file.name} line 1: the header {fault}")
        if twice := [name for name in self.header if self.header.count(name) > 1]:
            raise DataError(f"{file.name} line 1: column {twice[0]!r} is there twice")

    def blocks(self, wanted: Sequence[str]) -> Iterator[Block]:
        """Yield the sound rows, `wanted` columns only; malformed ones go to the rejects."""
        places = [self.header.index(name) for name in wanted]
        rows: list[list[str]] = []
        lines: list[int] = []
        for line, row in self._sound_rows():
            rows.append(row)
            lines.append(line)
            if len(rows) == ROWS_IN_BLOCK:
                yield _block(rows, lines, places)
                rows, lines = [], []
        if rows:
            yield _block(rows, lines, places)

    def _sound_rows(self) -> Iterator[tuple[int, list[str]]]:
        width = len(self.header)
        for line, row in self._rows():
            if fault := self.lines.fault(line, self.reader.line_num):
                self.rejects.add(self.file.name, line, fault)
            elif len(row) != width:
                self.rejects.add(
                    self.file.name, line, f"{len(row)} fields where the header has {width}"
                )
            else:
                yield line, row

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield rows with the line they start at; blank lines are none."""
        while True:
            line = self.reader.line_num + 1
            try:
                row = next(self.reader)
            except StopIteration:
                return
            except csv.Error as error:
                last = self.reader.line_num
                reach = f" (up to line {last})" if last > line else ""
                self.rejects.add(self.file.name, line, f"not RFC 4180: {error}{reach}")
                continue
            if row:
                yield line, row


def _block(rows: list[list[str]], lines: list[int], places: list[int]) -> Block:
    columns = list(zip(*rows, strict=True))
    return Block([columns[place] for place in places], lines)


@contextlib.contextmanager
def opened(file: ExportFile, rejects: Rejects) -> Iterator[Table]:
    """Open a CSV file, compressed or not, and read its header.

    Raises:
        DataError: there is no usable header, or, while reading, the gzip is broken.

    """
    table = None
    try:
        with gzip.open(file.path) if _is_gzip(file) else file.path.open("rb") as binary:
            table = Table(file, cast("IO[bytes]", binary), rejects)
            yield table
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        line = table.reader.line_num if table else 0
        raise DataError(f"{file.name} after line {line}: broken gzip: {error}") from error


def _is_gzip(file: ExportFile) -> bool:
    """Judge by name or content: a blob named `.csv` can be stored with Content-Encoding gzip."""
    return file.name.lower().endswith(".gz") or files.read_bounded(file.path, 2) == _GZIP_MAGIC
