"""The rows of one file as batches of columns, in their order, whichever reader reads them.

`fast` reads the chunks whose bytes allow one reading only; `strict` reads all other rows, and the
catalogues. Both become the same: sound rows of our tenant, as columns of ids and numbers.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from modelsystem_shared.numeric.arrays import Float64s
from modelsystem_trainer.export import Piece
from modelsystem_trainer.ingest import cells, fast, numbers, times
from modelsystem_trainer.ingest.fast import Fields
from modelsystem_trainer.ingest.header import Layout
from modelsystem_trainer.ingest.ids import IdColumn, TextColumn, WordColumn
from modelsystem_trainer.ingest.strict import Block, Lines, Table
from modelsystem_trainer.ingest.tally import Times

_MOST_THREADS = 4  # that parse: more would wait for the one that reads, and hold a chunk each
_SMALL = 1 << 16  # bytes that are read strictly because of one odd row
_NUMBERS = {  # how a column is parsed, and the least whole number that is sound as it is
    "rating": (numbers.weights, 0),
    "weight": (numbers.weights, 0),
    "timestamp": (times.seconds, times.EARLIEST),
}


@dataclass(frozen=True)
class Batch:
    """Sound rows of a file, in their order.

    rows, rows_of_others: the number of sound rows, and of those that belong to other tenants.
    users, items: the ids of our tenant's rows, without rows of weight 0.
    weight, time: their ratings or weights, and times in seconds since 1970; None if the data has
        no such column.
    times: the same times, counted.
    """

    rows: int
    rows_of_others: int
    users: IdColumn
    items: IdColumn
    weight: Float64s | None
    time: Float64s | None
    times: Times | None


@dataclass(frozen=True)
class CatalogueBatch:
    """Sound rows of a catalogue: counts as of `Batch`, and our tenant's titles by item id."""

    rows: int
    rows_of_others: int
    titles: dict[str, str]


def batches(table: Table, layout: Layout, tenant: str | None, threads: int = 1) -> Iterator[Batch]:
    """Yield the rows of an interactions file; malformed ones go to the table's rejects."""
    return _Reader(table, layout, tenant, min(threads, _MOST_THREADS)).batches()


def catalogue_batches(table: Table, layout: Layout, tenant: str | None) -> Iterator[CatalogueBatch]:
    """Yield the rows of a catalogue; malformed ones go to the table's rejects."""
    for block in table.blocks(layout.names):
        frame = _sound(table, layout, block)
        ours = _of_tenant(frame, tenant)
        titles = dict(zip(ours["item_id"], ours["title"], strict=True))
        yield CatalogueBatch(len(frame), len(frame) - len(ours), titles)


class _Reader:
    """Reads one interactions file: plain chunks in threads, all else strictly, in order."""

    def __init__(self, table: Table, layout: Layout, tenant: str | None, threads: int) -> None:
        self.table, self.layout, self.tenant, self.threads = table, layout, tenant, threads
        self.places = table.places(layout.names)
        self.waiting: deque[tuple[int, Future[list[_Parsed]]]] = deque()

    def batches(self) -> Iterator[Batch]:
        source = self.table.source
        with ThreadPoolExecutor(self.threads) as pool:
            while chunk := source.chunk():
                is_whole = chunk.endswith(b"\n") or source.at_end
                if is_whole and fast.ends_with_a_row(chunk):
                    self.waiting.append((self.table.lines.number, pool.submit(self.parsed, chunk)))
                    self.table.lines.number += chunk.count(b"\n")
                    yield from self.finished(self.threads)
                else:
                    yield from self.finished(0)
                    source.put_back(chunk)
                    yield from self.strictly(self.table.lines)
            yield from self.finished(0)
        source.check()

    def finished(self, most_waiting: int) -> Iterator[Batch]:
        """Yield the oldest chunks' batches until only `most_waiting` chunks wait."""
        while len(self.waiting) > most_waiting:
            line, future = self.waiting.popleft()
            for parsed in future.result():
                if parsed.batch:
                    yield parsed.batch
                else:
                    yield from self.strictly(Lines(Piece(parsed.content), line))
                line += parsed.content.count(b"\n")

    def parsed(self, chunk: bytes) -> list["_Parsed"]:
        """Parse a chunk; if it is not plain, in smaller pieces: then few rows are read slowly."""
        batch = self.plain(chunk)
        middle = chunk.rfind(b"\n", 0, len(chunk) // 2) + 1
        is_small = len(chunk) < _SMALL or not middle
        if batch or is_small or not fast.ends_with_a_row(chunk[:middle]):
            return [_Parsed(chunk, batch)]
        return self.parsed(chunk[:middle]) + self.parsed(chunk[middle:])

    def plain(self, chunk: bytes) -> Batch | None:
        fields = fast.fields(chunk, len(self.table.header), self.places)
        return None if fields is None else of_fields(fields, list(self.layout.theirs), self.tenant)

    def strictly(self, lines: Lines) -> Iterator[Batch]:
        for block in self.table.blocks_of(lines, self.layout.names):
            frame = _sound(self.table, self.layout, block)
            yield of_frame(frame, self.tenant)


@dataclass(frozen=True)
class _Parsed:
    """A piece of a chunk with its rows; without them it must be read strictly."""

    content: bytes
    batch: Batch | None


def of_fields(fields: Fields, names: Sequence[str], tenant: str | None) -> Batch | None:
    """Make a batch of plain fields, whose columns are `names`; None if a row may be malformed."""
    column = {name: place for place, name in enumerate(names)}
    texts = [name for name in ("user_id", "item_id", "tenant_id") if name in column]
    if not all(fields.are_short(column[name], or_empty=name == "tenant_id") for name in texts):
        return None
    if fields.is_quoted and any(fields.has_line_break(column[name]) for name in texts):
        return None
    parsed: dict[str, Float64s] = {}
    for name, (parse, least) in _NUMBERS.items():
        if name in column:
            if (values := fields.numbers(column[name], parse, least)) is None:
                return None
            parsed[name] = values
    is_ours = np.ones(len(fields), bool)
    if tenant is not None and "tenant_id" in column:
        is_ours = fields.equal(column["tenant_id"], tenant)
    counts = is_ours & (parsed["weight"] > 0) if "weight" in parsed else is_ours
    counted = fields.of(counts)
    weight, time = (
        None if values is None else values[counts]
        for values in (parsed.get("rating", parsed.get("weight")), parsed.get("timestamp"))
    )
    return Batch(
        rows=len(fields),
        rows_of_others=len(fields) - int(is_ours.sum()),
        users=WordColumn(counted.words(column["user_id"])),
        items=WordColumn(counted.words(column["item_id"])),
        weight=weight,
        time=time,
        times=None if time is None else Times.of(time),
    )


def of_frame(frame: pd.DataFrame, tenant: str | None) -> Batch:
    """Make a batch of a frame of sound rows, by our column names."""
    ours = _of_tenant(frame, tenant)
    rows_of_others = len(frame) - len(ours)
    if "weight" in ours:
        ours = ours[ours["weight"] > 0]
    time = _numbers(ours, "timestamp")
    return Batch(
        rows=len(frame),
        rows_of_others=rows_of_others,
        users=TextColumn(ours["user_id"].tolist()),
        items=TextColumn(ours["item_id"].tolist()),
        weight=_numbers(ours, "rating", "weight"),
        time=time,
        times=None if time is None else Times.of(time),
    )


def _sound(table: Table, layout: Layout, block: Block) -> pd.DataFrame:
    """Return a block's sound rows, by our column names; the others go to the rejects."""
    texts = pd.DataFrame(dict(zip(layout.theirs, block.columns, strict=True)), dtype=object)
    frame, malformed = cells.parse(texts)
    for place, reason in malformed:
        table.rejects.add(layout.file, block.lines[place], reason, block.heights[place])
    return frame


def _of_tenant(frame: pd.DataFrame, tenant: str | None) -> pd.DataFrame:
    if tenant is None or "tenant_id" not in frame:
        return frame
    return frame[frame["tenant_id"] == tenant]


def _numbers(frame: pd.DataFrame, *names: str) -> Float64s | None:
    """Return the first of the columns that is there."""
    present = next((name for name in names if name in frame), None)
    return None if present is None else frame[present].to_numpy(np.float64)
