"""Ids: numbered while they are read; `reading` sorts them when those of all files are known.

A column of ids is texts, or words: rows of little-endian uint64 that hold an id's UTF-8 bytes, then
zeros. An id with a zero byte is always a text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from modelsystem_shared.numeric.arrays import Indices

WORD = 8  # bytes
Words = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int32]
WAITING = 4_000_000
LONGEST = 128  # bytes of an id that is words


class IdColumn(Protocol):
    """The ids of some rows."""

    def __len__(self) -> int: ...

    def add_to(self, ids: "Ids") -> None:
        """Add them to a collection."""


@dataclass(frozen=True)
class WordColumn:
    """Ids as words."""

    words: Words

    def __len__(self) -> int:
        return len(self.words)

    def add_to(self, ids: "Ids") -> None:
        """Add them to a collection."""
        ids.add_words(self.words)


@dataclass(frozen=True)
class TextColumn:
    """Ids as texts."""

    texts: Sequence[str]

    def __len__(self) -> int:
        return len(self.texts)

    def add_to(self, ids: "Ids") -> None:
        """Add them to a collection."""
        ids.add_texts(self.texts)


def distinct(words: Words) -> tuple[Indices, Words]:
    """Return for each row its place (int64) among the distinct rows, and the distinct rows.

    These are in the order of their first occurrence.
    """
    places, values = pd.factorize(words[:, 0])
    columns = [values]
    for column in words.T[1:]:
        codes, values = pd.factorize(column)
        places, pairs = pd.factorize(places.astype(np.int64) * len(values) + codes)
        columns = [known[pairs // len(values)] for known in columns]
        columns.append(values[pairs % len(values)])
    return places, np.stack(columns, axis=1)


def texts(words: Words) -> list[str]:
    """Return rows of words as texts."""
    encoded = words.astype("<u8").view(f"S{words.shape[1] * WORD}")[:, 0].tolist()
    return b"\0".join(encoded).decode().split("\0") if encoded else []


def joined(parts: Sequence[Words]) -> Words:
    """Return all rows, as wide as the widest."""
    width = max(part.shape[1] for part in parts)
    if all(part.shape[1] == width for part in parts):
        return np.concatenate(parts)
    return np.concatenate([_as_wide(part, width) for part in parts])


def _as_wide(words: Words, width: int) -> Words:
    return np.pad(words, ((0, 0), (0, width - words.shape[1])))


def words_of(ids: Sequence[str]) -> Words:
    """Return texts without NUL as words."""
    encoded = [text.encode() for text in ids]
    width = max(1, -(-max(map(len, encoded)) // WORD))
    return np.array(encoded, f"S{width * WORD}").view("<u8").reshape(len(ids), width)


def _fits(text: str) -> bool:
    """Whether an id can be words that are not much wider than all others."""
    return len(text.encode()) <= LONGEST and "\0" not in text


@dataclass(frozen=True)
class Distinct:
    """Ids, each once: first those that are words, then texts that are very long or have a NUL."""

    words: Words
    odd: Sequence[str]


class Ids:
    """The ids of one column, row after row."""

    def __init__(self, waiting: int = WAITING) -> None:
        """Start with none.

        waiting: rows of words that are numbered at once: each time costs a table of all.
        """
        self._most_waiting = waiting
        self._words = np.empty((0, 1), np.uint64)
        self._waiting: list[Words] = []
        self._texts: dict[str, int] = {}
        self._rows: list[Numbers] = []  # numbers of words from 0 up, of texts from -1 down

    def __len__(self) -> int:
        return sum(map(len, self._rows)) + sum(map(len, self._waiting))

    @property
    def is_full(self) -> bool:
        """Whether so many rows wait that `settle` is due."""
        return sum(map(len, self._waiting)) > self._most_waiting

    def add_words(self, words: Words) -> None:
        """Add rows of words; `settle` numbers them."""
        self._waiting.append(words)

    def add_texts(self, ids: Sequence[str]) -> None:
        """Add rows of texts."""
        self.settle()
        places, texts = pd.factorize(np.asarray(ids, dtype=object))
        numbers = [self._texts.setdefault(text, -1 - len(self._texts)) for text in texts]
        self._rows.append(np.array(numbers, np.int32)[places])

    def settle(self) -> None:
        """Give all waiting rows of words their numbers; known ids keep theirs."""
        if not self._waiting:
            return
        before, parts = len(self._words), [self._words, *self._waiting]
        self._waiting = []
        places, self._words = distinct(joined(parts))
        self._rows.append(places[before:].astype(np.int32))

    def finish(self) -> tuple[Distinct, Numbers]:
        """Return the distinct ids, and for each row its id's number among them.

        This ends the collection and frees its memory.
        """
        self.settle()
        as_words = [text for text in self._texts if _fits(text)]
        odd = [text for text in self._texts if not _fits(text)]
        before = len(self._words)
        if as_words:
            places, self._words = distinct(joined([self._words, words_of(as_words)]))
            self._texts |= zip(as_words, places[before:].tolist(), strict=True)
        self._texts |= zip(odd, range(len(self._words), len(self._words) + len(odd)), strict=True)
        numbers = np.concatenate([np.empty(0, np.int32), *self._rows])
        self._rows.clear()
        if self._texts:
            of_texts = np.array(list(self._texts.values()), np.int32)
            is_text = numbers < 0
            numbers[is_text] = of_texts[-1 - numbers[is_text]]
        return Distinct(self._words, odd), numbers
