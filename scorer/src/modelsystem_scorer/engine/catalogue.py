"""Search for items by a part of their title or id."""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from modelsystem_shared.numeric.arrays import Indices
from modelsystem_shared.numeric.model import Model

_END = "\n"


class Catalogue:
    """All titles and ids as one text, trending items first, so that a search ends early."""

    def __init__(self, model: Model, by_trend: Indices) -> None:
        """Build the text, once for all processes; it is about as large as titles and ids.

        by_trend: all items, in the order in which a search returns them.
        """
        self._items = by_trend
        entries = [_entry(model, item) for item in by_trend.tolist()]
        self._text = "".join(entries)
        self._ends = np.cumsum([len(entry) for entry in entries], dtype=np.int64)

    def find(self, part: str, k: int) -> list[int]:
        """Return at most `k` items whose title or id contains `part`, in any case."""
        return list(islice(self._matches(part.casefold().replace(_END, " ")), k))

    def _matches(self, part: str) -> Iterator[int]:
        start = 0
        while (place := self._text.find(part, start)) >= 0 and place < len(self._text):
            number = int(np.searchsorted(self._ends, place, "right"))
            yield int(self._items[number])
            start = int(self._ends[number])


def _entry(model: Model, item: int) -> str:
    texts = (model.titles[item].casefold(), model.items[item].casefold())
    return "".join(text.replace(_END, " ") + _END for text in texts)
