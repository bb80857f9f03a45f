"""Numbers for ids while they are read, and their places in sorted order when all are known.

Ids come as texts, or many at once as words: rows of little-endian uint64 that hold an id's
UTF-8 bytes and then zeros, which no such id contains.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

WORD = 8  # bytes
Words = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int32]
_WAITING = 4_000_000  # rows of words that are numbered at once: each time costs a table of all


def distinct(words: Words) -> tuple[npt.NDArray[np.int64], Words]:
    """Return for each row the place of its like among the distinct rows, and these.

    The distinct rows are in the order of their first sight.
    """
    places, values = pd.factorize(words[:, 0])
    found = [values]
    for column in words.T[1:]:
        own, values = pd.factorize(column)
        places, pairs = pd.factorize(places.astype(np.int64) * len(values) + own)
        found = [each[pairs // len(values)] for each in found] + [values[pairs % len(values)]]
    return places, np.stack(found, axis=1)


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
        """Whether it is time to `settle`."""
        return sum(map(len, self._waiting)) > _WAITING

    def add_words(self, words: Words) -> None:
        """Add rows of words; they are numbered later."""
        self._waiting.append(words)

    def add_texts(self, ids: Sequence[str]) -> None:
        """Add rows of texts."""
        self.settle()
        places, found = pd.factorize(np.asarray(ids, dtype=object))
        numbers = [self._texts.setdefault(text, -1 - len(self._texts)) for text in found]
        self._rows.append(np.array(numbers, np.int32)[places])

    def settle(self) -> None:
        """Give all rows of words their numbers; known ones keep theirs."""
        if not self._waiting:
            return
        parts = [self._words, *self._waiting]
        self._waiting = []
        width = max(part.shape[1] for part in parts)
        padded = [np.pad(part, ((0, 0), (0, width - part.shape[1]))) for part in parts]
        places, self._words = distinct(np.concatenate(padded))
        self._rows.append(places[len(parts[0]) :].astype(np.int32))

    def sort(self) -> tuple[list[str], Numbers]:
        """Return the ids sorted as their UTF-8 bytes are, and for each row its id's place there.

        This ends the collection, and frees its memory.
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
