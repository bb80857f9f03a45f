"""The ids of all files, sorted by their UTF-8 bytes, and their places among these."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from modelsystem_shared.numeric.arrays import Indices
from modelsystem_trainer.engines import parts
from modelsystem_trainer.ingest import WAITING, Distinct, Numbers, Words, distinct, joined, texts


@dataclass(frozen=True)
class SortedIds:
    """All ids, each once.

    words, odd: as of `Distinct`, each sorted; before: for each odd one the number of words that
        come before it.
    """

    words: Words
    odd: list[str]
    before: Indices

    @classmethod
    def of(cls, each: Iterable[Distinct]) -> Self:
        """Sort the ids of all files."""
        words, odd = np.empty((0, 1), np.uint64), set[str]()
        waiting: list[Words] = []
        for ids in each:
            odd |= set(ids.odd)
            waiting.append(ids.words)
            if sum(map(len, waiting)) > WAITING:
                words, waiting = distinct(joined([words, *waiting]))[1], []
        words = distinct(joined([words, *waiting]))[1]
        # The bytes of a word in the order of memory, as one number: the first byte weighs most.
        words = words[np.lexsort(words.byteswap().T[::-1])]
        odd_ids = sorted(odd)  # Python compares code points, which is UTF-8's order
        known = texts(words) if odd_ids else []
        return cls(words, odd_ids, np.array([bisect_left(known, text) for text in odd_ids], int))

    def __len__(self) -> int:
        return len(self.words) + len(self.odd)

    def texts(self) -> list[str]:
        """Return all ids as texts, sorted."""
        words = texts(self.words)
        return sorted([*words, *self.odd]) if self.odd else words

    def places(self, of: Distinct) -> Numbers:
        """Return the place of each id, which must be one of these."""
        first_of = distinct(joined([self.words, of.words]))[0][len(self.words) :]
        of_words = first_of + np.searchsorted(self.before, first_of, side="right")
        numbers = [bisect_left(self.odd, text) for text in of.odd]
        of_odd = [int(self.before[number]) + number for number in numbers]
        return np.concatenate([of_words, np.array(of_odd, np.int64)]).astype(np.int32)

    def save(self, folder: Path, name: str) -> None:
        """Write them for all workers."""
        parts.save(folder / f"{name}.npy", self.words)
        odd = {"odd": self.odd, "before": self.before.tolist()}
        parts.write_json(folder / f"{name}.part", odd)

    @classmethod
    def load(cls, folder: Path, name: str) -> Self:
        """Map them."""
        odd = parts.read_json(folder / f"{name}.part")
        words = parts.mapped(folder / f"{name}.npy")
        return cls(words, odd["odd"], np.array(odd["before"], int))
