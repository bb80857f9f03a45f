"""Finding items by a part of their title or id."""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from modelsystem_shared.arrays import Array
from modelsystem_shared.model import Model

_END = "\n"


class Catalogue:
    """All titles and ids as one text, the most popular first, so that a search ends early."""

    def __init__(self, model: Model, by_popularity: Array) -> None:
        """Write the text down, once for all processes; about as large as titles and ids."""
        self._items = by_popularity
        entries = [_entry(model, item) for item in by_popularity.tolist()]
        self._text = "".join(entries)
        self._ends = np.cumsum([len(entry) for entry in entries], dtype=np.int64)

    def find(self, part: str, most: int) -> Sequence[int]:
        """Return the items (at most `most`) whose title or id holds `part`, in any case."""
        return list(islice(self._found(part.casefold().replace(_END, " ")), most))

    def _found(self, part: str) -> Iterator[int]:
        start = 0
        while (place := self._text.find(part, start)) >= 0 and place < len(self._text):
            number = int(np.searchsorted(self._ends, place, "right"))
            yield int(self._items[number])
            start = int(self._ends[number])


def _entry(model: Model, item: int) -> str:
    both = (model.titles[item].casefold(), model.items[item].casefold())
    return "".join(text.replace(_END, " ") + _END for text in both)
