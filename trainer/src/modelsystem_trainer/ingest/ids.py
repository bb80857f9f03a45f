"""Ids: numbered while they are read, and sorted when all are known.

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
_WAITING = 4_000_000  # rows of words that are numbered at once: each time costs a table of all


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


class Ids:
    """The ids of one column, row after row."""

    def __init__(self) -> None:
        """Start with none."""
        self._words = np.empty((0, 1), np.uint64)
        self._waiting: list[Words] = []
        self._texts: dict[str, int] = {}
        self._rows: list[Numbers] = []  # numbers of words from 0 up, of texts from -1 down

    def __len__(self) -> int:
        return sum(map(len, self._rows)) + sum(map(len, self._waiting))

    @property
    def is_full(self) -> bool:
        """Whether so many rows wait that `settle` is due."""
        return sum(map(len, self._waiting)) > _WAITING

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
        parts = [self._words, *self._waiting]
        self._waiting = []
        width = max(part.shape[1] for part in parts)
        padded = [np.pad(part, ((0, 0), (0, width - part.shape[1]))) for part in parts]
        places, self._words = distinct(np.concatenate(padded))
        self._rows.append(places[len(parts[0]) :].astype(np.int32))

    def sort(self) -> tuple[list[str], Numbers]:
        """Return the ids sorted by their UTF-8 bytes, and for each row its id's place among them.

        This ends the collection and frees its memory.
        """
        self.settle()
        by_number = texts(self._words)
        by_number += reversed(self._texts)  # so that numbers below 0 count from the end
        ids = sorted(set(by_number))  # Python compares code points, which is UTF-8's order
        place = dict(zip(ids, range(len(ids)), strict=True))
        places = np.array([place[text] for text in by_number], np.int32)
        numbers = np.concatenate([np.empty(0, np.int32), *self._rows])
        self._rows.clear()
        return ids, places[numbers]
