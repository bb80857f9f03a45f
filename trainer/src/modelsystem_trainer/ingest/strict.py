"""RFC 4180, strictly: blocks of rows as columns of text, each row with its line number.

One malformed row is a fault of that row, with file and line; a file that cannot be read at
all is an error. What `plain` can prove to be sound is not read row by row.
"""

import contextlib
import csv
import io
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from modelsystem_shared.errors import DataError
from modelsystem_trainer.ingest import fast
from modelsystem_trainer.ingest.export import ExportFile
from modelsystem_trainer.ingest.fast import Fields
from modelsystem_trainer.ingest.rejects import Rejects
from modelsystem_trainer.ingest.source import BROKEN, Source

ROWS_IN_BLOCK = 100_000
LONGEST_LINE = 1 << 20
_MOST_THREADS = 4  # that parse: more would wait for the one that reads, and hold a chunk each
_SMALL = 1 << 16  # bytes that are read row by row because of one odd row
T = TypeVar("T")


@dataclass(frozen=True)
class Block:
    """Rows of one file: the values of each wanted column, and the line each row starts at."""

    columns: Sequence[Sequence[str]]
    lines: Sequence[int]


class _ReadsLines(Protocol):
    def readline(self, most: int, /) -> bytes: ...


class _Lines:
    """Decodes line by line, so that bad UTF-8 spoils a row and not the file.

    number: that of the line which was read last.
    """

    def __init__(self, source: _ReadsLines, number: int) -> None:
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
    """A CSV file that is read from its header to its end, once."""

    def __init__(self, file: ExportFile, source: Source, rejects: Rejects) -> None:
        """Read the header.

        Raises:
            DataError: there is none, or it names a column twice.

        """
        self.file, self.source, self.rejects = file, source, rejects
        self.lines = _Lines(source, 0)
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

    def blocks(self, wanted: Sequence[str]) -> Iterator[Block]:
        """Yield the sound rows, `wanted` columns only; malformed ones go to the rejects."""
        return self._strictly(wanted, self.lines, lambda: False)

    def parts(
        self, wanted: Sequence[str], parse: Callable[[Fields], T | None], threads: int
    ) -> Iterator[T | Block]:
        """Yield the sound rows in order: plain chunks as `parse` returns them, others as blocks.

        parse: takes the fields of a chunk, `wanted` columns only, in one of the threads;
            returns None to have the chunk read as blocks.
        """
        places, width = self._places(wanted), len(self.header)
        waiting: deque[tuple[int, Future[list[tuple[bytes, T | None]]]]] = deque()

        def parsed(chunk: bytes) -> T | None:
            found = fast.fields(chunk, width, places)
            return None if found is None else parse(found)

        def done(most_waiting: int) -> Iterator[T | Block]:
            while len(waiting) > most_waiting:
                line, future = waiting.popleft()
                for piece, found in future.result():
                    if found is not None:
                        yield found
                    else:
                        lines = _Lines(io.BytesIO(piece), line)
                        yield from self._strictly(wanted, lines, lambda: False)
                    line += piece.count(b"\n")

        threads = min(threads, _MOST_THREADS)
        with ThreadPoolExecutor(threads) as pool:
            while chunk := self.source.chunk():
                is_whole = chunk.endswith(b"\n") or self.source.at_end
                if is_whole and fast.ends_with_a_row(chunk):
                    waiting.append((self.lines.number, pool.submit(_in_pieces, chunk, parsed)))
                    self.lines.number += chunk.count(b"\n")
                    yield from done(threads)
                else:
                    yield from done(0)
                    self.source.put_back(chunk)
                    yield from self._strictly(wanted, self.lines, lambda: not self.source.has_rest)
            yield from done(0)
        self.source.check()

    def _strictly(
        self, wanted: Sequence[str], lines: _Lines, is_over: Callable[[], bool]
    ) -> Iterator[Block]:
        places = self._places(wanted)
        rows: list[list[str]] = []
        numbers: list[int] = []
        for number, row in self._sound_rows(lines, is_over):
            rows.append(row)
            numbers.append(number)
            if len(rows) == ROWS_IN_BLOCK:
                yield _block(rows, numbers, places)
                rows, numbers = [], []
        if rows:
            yield _block(rows, numbers, places)

    def _sound_rows(
        self, lines: _Lines, is_over: Callable[[], bool]
    ) -> Iterator[tuple[int, list[str]]]:
        width = len(self.header)
        for line, row in self._rows(lines, is_over):
            if fault := lines.fault(line):
                self.rejects.add(self.file.name, line, fault)
            elif len(row) != width:
                self.rejects.add(
                    self.file.name, line, f"{len(row)} fields where the header has {width}"
                )
            else:
                yield line, row

    def _rows(self, lines: _Lines, is_over: Callable[[], bool]) -> Iterator[tuple[int, list[str]]]:
        """Yield rows with the line they start at; blank lines are none."""
        reader = csv.reader(lines, strict=True)
        while not is_over():
            line = lines.number + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                reach = f" (up to line {lines.number})" if lines.number > line else ""
                self.rejects.add(self.file.name, line, f"not RFC 4180: {error}{reach}")
                continue
            if row:
                yield line, row

    def _places(self, wanted: Sequence[str]) -> list[int]:
        return [self.header.index(name) for name in wanted]


def _in_pieces(chunk: bytes, parsed: Callable[[bytes], T | None]) -> list[tuple[bytes, T | None]]:
    """Return a chunk with what `parsed` makes of it; in smaller pieces where that is None."""
    found = parsed(chunk)
    middle = chunk.rfind(b"\n", 0, len(chunk) // 2) + 1
    is_small = len(chunk) < _SMALL or not middle
    if found is not None or is_small or not fast.ends_with_a_row(chunk[:middle]):
        return [(chunk, found)]
    return _in_pieces(chunk[:middle], parsed) + _in_pieces(chunk[middle:], parsed)


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
