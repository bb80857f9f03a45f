"""The fast reader: plain rows, many at once; it refuses all others.

A chunk is plain if its bytes allow one reading only: UTF-8 without NUL, each quote directly at a
comma or line end, the same number of fields in every row, no blank line, no lone carriage return,
nothing very long. `strict` reads what this module refuses: it never rejects a row, and never names
a line.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from modelsystem_shared.numeric.arrays import Float64s, Indices, Mask
from modelsystem_trainer.ingest import ids
from modelsystem_trainer.ingest.ids import WORD, Words

Parse = Callable[["pd.Series[str]"], tuple[Float64s, Mask]]
LONGEST_ROW = 100_000  # bytes; below the limits of `strict`
LONGEST_TEXT = ids.LONGEST  # bytes; below the limit of `cells`
_KEPT = np.array([256**size - 1 for size in range(WORD + 1)], np.uint64)  # of a word, by size
_DIGITS = 11  # of a whole number that is sound as a weight and as a time
_COMMA, _NEWLINE, _RETURN, _QUOTE, _ZERO = b',\n\r"0'


@dataclass(frozen=True)
class Fields:
    """The places of a plain chunk's fields.

    content: uint8, the chunk between LONGEST_TEXT zeros.
    starts, ends: int64, rows × columns; without quotes.
    is_quoted: whether any field has quotes.
    """

    content: npt.NDArray[np.uint8]
    starts: Indices
    ends: Indices
    is_quoted: bool

    def __len__(self) -> int:
        return len(self.starts)

    def of(self, rows: Mask) -> "Fields":
        """Return some of the rows."""
        return Fields(self.content, self.starts[rows], self.ends[rows], self.is_quoted)

    def are_short(self, column: int, *, or_empty: bool = False) -> bool:
        """Whether a column has no long text, and, unless `or_empty`, no empty one."""
        lengths = self._lengths(column)
        return bool(lengths.max(initial=0) <= LONGEST_TEXT and (or_empty or lengths.all()))

    def has_line_break(self, column: int) -> bool:
        """Whether a text of a column has a line break."""
        breaks = np.flatnonzero(self.content == _NEWLINE)
        before, after = (
            np.searchsorted(breaks, places[:, column]) for places in (self.starts, self.ends)
        )
        return bool((before != after).any())

    def words(self, column: int) -> Words:
        """Return a column of short texts as words; see `ids`."""
        lengths = self._lengths(column)
        count = -(-int(lengths.max(initial=1)) // WORD)
        words = self._windows(count * WORD)[self.starts[:, column]].view("<u8")
        for place in range(count):
            words[:, place] &= _KEPT[np.clip(lengths - place * WORD, 0, WORD)]
        return words

    def equal(self, column: int, value: str) -> Mask:
        """Return which rows of a column of short texts have this value."""
        places, distinct = ids.distinct(self.words(column))
        return np.array([text == value for text in ids.texts(distinct)], bool)[places]

    def numbers(self, column: int, parse: Parse, least: float) -> Float64s | None:
        """Return a column as numbers by `parse`; None if a text is not a number.

        least: a whole number from this one up need not be parsed.
        """
        whole = self._whole_numbers(column)
        if whole is not None and whole.min(initial=least) >= least:
            return whole
        if not self.are_short(column):
            return None
        places, distinct = ids.distinct(self.words(column))
        numbers, bad = parse(pd.Series(ids.texts(distinct), dtype=object))
        return None if bad.any() else numbers[places]

    def _lengths(self, column: int) -> Indices:
        return self.ends[:, column] - self.starts[:, column]

    def _windows(self, size: int) -> npt.NDArray[np.uint8]:
        """Return for each place of the content the `size` bytes from there, without a copy."""
        return np.lib.stride_tricks.sliding_window_view(self.content, size)

    def _whole_numbers(self, column: int) -> Float64s | None:
        """Return a column of digits only; None if it has another character."""
        lengths = self._lengths(column)
        most = int(lengths.max(initial=1))
        if most > _DIGITS or not lengths.all():
            return None
        digits = self._windows(most)[self.ends[:, column] - most] - np.uint8(_ZERO)
        digits[np.arange(most) < (most - lengths)[:, None]] = 0
        if digits.max(initial=0) > 9:
            return None
        numbers = np.zeros(len(self), np.int64)
        for digit in digits.T:
            numbers *= 10
            numbers += digit
        return numbers.astype(np.float64)


def ends_with_a_row(chunk: bytes) -> bool:
    """Whether the chunk ends at a row boundary: no quoted field runs past its last line break.

    The chunk begins with a row and ends with a line. Its quotes must come in pairs that open after
    a comma or a line end and close before one: then no quote is doubled. Nothing in it may make
    `strict` give up within a row, and begin the next row between two quotes.
    """
    if b'"' not in chunk:
        return True
    content = np.frombuffer(b"\n" + chunk + b"\n", np.uint8)
    quotes, newlines = (np.flatnonzero(content == byte) for byte in (_QUOTE, _NEWLINE))
    if len(quotes) % 2 or chunk.count(b"\r") != chunk.count(b"\r\n"):
        return False
    opening, closing = quotes[::2], quotes[1::2]
    before, after = content[opening - 1], content[closing + 1]
    return bool(
        ((before == _COMMA) | (before == _NEWLINE)).all()
        and ((after == _COMMA) | (after == _NEWLINE) | (after == _RETURN)).all()
        and max(np.diff(newlines).max(), (closing - opening).max()) <= LONGEST_ROW
    )


def fields(chunk: bytes, width: int, wanted: Sequence[int]) -> Fields | None:
    """Find the fields of a chunk that `ends_with_a_row`; None unless its rows are all plain.

    width: the number of columns, at least 2.
    wanted: the places of the columns to return, in that order.
    """
    if width < 2 or b"\0" in chunk or not _is_utf8(chunk):
        return None
    zeros = bytes(LONGEST_TEXT)
    line_end = b"" if chunk.endswith(b"\n") else b"\n"
    content = np.frombuffer(b"".join([zeros, chunk, line_end, zeros]), np.uint8)
    ends = _ends(content, has_quotes=b'"' in chunk)
    if len(ends) % width:
        return None
    ends = ends.reshape(-1, width)
    starts = _starts(ends)
    if not _is_table(content, starts, ends):
        return None
    returns = content[ends[:, -1] - 1] == _RETURN
    if chunk.count(b"\r") != np.count_nonzero(returns):
        return None
    ends[:, -1] -= returns
    quoted = content[starts] == _QUOTE
    starts, ends = (starts + quoted)[:, wanted], (ends - quoted)[:, wanted]
    return Fields(content, starts, ends, is_quoted=b'"' in chunk)


def _ends(content: npt.NDArray[np.uint8], *, has_quotes: bool) -> Indices:
    """Return the places of the commas and line ends that are not between quotes."""
    ends = np.flatnonzero((content == _COMMA) | (content == _NEWLINE))
    if has_quotes:
        before = np.searchsorted(np.flatnonzero(content == _QUOTE), ends)
        ends = ends[before % 2 == 0]
    return ends


def _starts(ends: Indices) -> Indices:
    """Return where fields start, rows × columns, by where they end."""
    starts = np.empty_like(ends)
    starts[:, 1:] = ends[:, :-1] + 1
    starts[1:, 0] = ends[:-1, -1] + 1
    starts[0, 0] = LONGEST_TEXT
    return starts


def _is_table(content: npt.NDArray[np.uint8], starts: Indices, ends: Indices) -> bool:
    """Whether every row has commas between its fields and a line end behind, and none is long."""
    return bool(
        (content[ends[:, -1]] == _NEWLINE).all()
        and (content[ends[:, :-1]] == _COMMA).all()
        and (ends[:, -1] - starts[:, 0]).max() <= LONGEST_ROW
    )


def _is_utf8(chunk: bytes) -> bool:
    try:
        return chunk.isascii() or bool(chunk.decode())
    except UnicodeDecodeError:
        return False
