"""What was read, counted while it is read: of each file, and of each day."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from modelsystem_shared.numeric.arrays import Float64s, Indices
from modelsystem_trainer.export import ExportFile
from modelsystem_trainer.ingest.header import Layout

DAY = 86_400  # seconds
_FEW, _MANY = 100, 1000  # rows: below the first no time is odd, from the second up gaps are short
_ODD_SHARE = 1000  # at most one row of so many is odd, at each end
_GAP = 30  # days without a row, between odd times and the others


@dataclass(frozen=True)
class Times:
    """The times of some rows: the first and the last in seconds, and the rows of each day.

    first_day: days since 1970; counts: int64, the rows of this day and of those that follow.
    """

    first: float
    last: float
    first_day: int
    counts: Indices

    @classmethod
    def of(cls, seconds: Float64s) -> "Times | None":
        """Count times, which are not negative; None if there are none."""
        if not len(seconds):
            return None
        days = seconds.astype(np.int64) // DAY
        first_day = int(days.min())
        counts = np.bincount(days - first_day)
        return cls(float(seconds.min()), float(seconds.max()), first_day, counts)


@dataclass
class FileTally:
    """What was read of a file.

    rows, rows_of_others, rows_kept: sound rows, those of other tenants, and those that became
        interactions; of a catalogue none.
    first, last, days: of the interactions, in seconds and days since 1970 UTC.
    """

    file: ExportFile
    layout: Layout
    rows: int = 0
    rows_of_others: int = 0
    rows_kept: int = 0
    first: float | None = None
    last: float | None = None
    days: Counter[int] = field(default_factory=Counter)

    def add_times(self, times: Times | None) -> None:
        """Count the times of some rows."""
        if times is None:
            return
        self.first = times.first if self.first is None else min(self.first, times.first)
        self.last = times.last if self.last is None else max(self.last, times.last)
        days = np.flatnonzero(times.counts)
        counts = times.counts[days].tolist()
        self.days.update(dict(zip((days + times.first_day).tolist(), counts, strict=True)))


@dataclass(frozen=True)
class Span:
    """From when to when nearly all rows are: days since 1970, both included.

    odd: the number of rows before and after; a few, far from all others.
    """

    first_day: int
    last_day: int
    odd: int


def span(files: Iterable[FileTally]) -> Span | None:
    """Return the span of all files' rows; None without times."""
    days = by_day(files)
    return _span(list(days.items())) if days else None


def _span(days: Sequence[tuple[int, int]]) -> Span:
    """Return the span of days with rows, in their order."""
    total = sum(count for _, count in days)
    late = _odd_at_end(days, total)
    early = _odd_at_end([(-day, count) for day, count in reversed(days)], total)
    sound = days[early : len(days) - late]
    odd = total - sum(count for _, count in sound)
    return Span(sound[0][0], sound[-1][0], odd)


def _odd_at_end(days: Sequence[tuple[int, int]], total: int) -> int:
    """Return the number of days at the end whose few rows are far after all others."""
    if total < _FEW:
        return 0
    most, beyond, odd = max(1, total // _ODD_SHARE), 0, 0
    for place in range(len(days) - 1, 0, -1):
        beyond += days[place][1]
        if beyond > most:
            break
        before = days[place - 1][0]
        gap = _GAP if total >= _MANY else max(_GAP, before - days[0][0])
        if days[place][0] - before > gap:
            odd = len(days) - place
    return odd


def by_day(files: Iterable[FileTally]) -> Mapping[int, int]:
    """Return the rows of all files by day, days since 1970, in their order."""
    total: Counter[int] = Counter()
    for file in files:
        total.update(file.days)
    return dict(sorted(total.items()))


def resembling(files: Iterable[FileTally]) -> Iterator[str]:
    """Yield a sentence for each column that is not used and resembles one that is missing."""
    for file in files:
        for ours, theirs in file.layout.resembling.items():
            yield f"{file.file.name} has a column {theirs!r}, which is not used as {ours}"
