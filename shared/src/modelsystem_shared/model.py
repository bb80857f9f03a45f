"""The model file format: named `.npy` arrays in one folder, mapped and never unpickled.

Ids are sorted by their UTF-8 bytes, so that a lookup is a binary search in the mapped file
and no process holds a dictionary of its own. Indices take the smallest unsigned type that
holds them.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from modelsystem_shared.errors import CorruptModelError

Array = npt.NDArray[Any]
_STRIDE = 256


@dataclass(frozen=True)
class Strings:
    """Strings end to end: UTF-8 `content` (uint8), and `ends` (int64), where each one ends."""

    content: Array
    ends: Array

    @classmethod
    def of(cls, values: Sequence[str]) -> "Strings":
        """Pack strings."""
        encoded = [value.encode() for value in values]
        ends = np.cumsum([len(value) for value in encoded], dtype=np.int64)
        return cls(np.frombuffer(b"".join(encoded), np.uint8), ends)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> str:
        return str(self._slice(index), "utf-8")

    def encoded(self, index: int) -> bytes:
        """Return the UTF-8 bytes of one string."""
        return bytes(self._slice(index))

    def find(self, value: str) -> int | None:
        """Return the index of `value` in sorted strings, or None."""
        wanted = value.encode(errors="surrogatepass")  # JSON can carry half a character
        low = max(0, bisect_right(self._signposts, wanted) - 1) * _STRIDE
        high = min(low + _STRIDE, len(self))
        content, ends = self._buffers
        while low < high:
            middle = (low + high) // 2
            if bytes(content[ends[middle - 1] if middle else 0 : ends[middle]]) < wanted:
                low = middle + 1
            else:
                high = middle
        return low if low < len(self) and self.encoded(low) == wanted else None

    def pick(self, indices: Sequence[int]) -> list[str]:
        """Return some of the strings; quicker than one by one."""
        content, ends = self._buffers
        if not len(content):
            return [""] * len(indices)
        return [str(content[ends[i - 1] if i else 0 : ends[i]], "utf-8") for i in indices]

    @cached_property
    def _signposts(self) -> list[bytes]:
        """Every so many strings one: where to begin a search."""
        return [self.encoded(index) for index in range(0, len(self), _STRIDE)]

    @cached_property
    def _buffers(self) -> tuple[memoryview, memoryview]:
        """The arrays as buffers, which slice in a third of the time that arrays need."""
        return self.content.data, self.ends.data

    def _slice(self, index: int) -> memoryview:
        content, ends = self._buffers
        return content[ends[index - 1] if index else 0 : ends[index]]


@dataclass(frozen=True)
class Rows:
    """Rows of indices: row r is `indices[ends[r - 1]:ends[r]]`; `ends` is int64."""

    indices: Array
    ends: Array

    def __len__(self) -> int:
        return len(self.ends)

    def bounds(self, row: int) -> slice:
        """Return where row `row` lies."""
        return slice(int(self.ends[row - 1]) if row else 0, int(self.ends[row]))

    def __getitem__(self, row: int) -> Array:
        return self.indices[self.bounds(row)]


@dataclass(frozen=True)
class Model:
    """All that a scorer needs; n users, m items.

    similar, similarity: for each item its neighbours, strongest first, and float32 weights.
    history, confidence: for each user the items of the training data, ascending, and how much
        each counts (float32, not negative): a user's score is the sum of confidence × similarity.
    recency: how much the last of somebody's listed items counts, the one before it, and so on;
        what is further back counts as the end of this (float32, not empty, not negative).
    popularity: for each item the users who chose it, uint32.
    lately: for each item the share of users who chose it, where late ones count most (float32).
    questions, answers: for each gate user, without an id, the earlier items, the latest of them
        last, and those that came after them.
    """

    items: Strings
    titles: Strings
    users: Strings
    similar: Rows
    similarity: Array
    history: Rows
    confidence: Array
    recency: Array
    popularity: Array
    lately: Array
    questions: Rows
    answers: Rows

    @property
    def n_items(self) -> int:
        """The number of items."""
        return len(self.items)


def index_type(count: int) -> npt.DTypeLike:
    """Return the smallest unsigned type that holds indices below `count`."""
    return np.min_scalar_type(max(count - 1, 0))


def arrays(model: Model) -> Iterator[tuple[str, Array]]:
    """Yield every array of the model with its file's name."""
    for f in fields(model):
        part = getattr(model, f.name)
        if isinstance(part, np.ndarray):
            yield f"{f.name}.npy", part
        else:
            for inner in fields(part):
                yield f"{f.name}.{inner.name}.npy", getattr(part, inner.name)


def load(folder: Path) -> Model:
    """Map a verified model; every process on a machine shares its pages.

    Raises:
        CorruptModelError: when an array is missing, unreadable, or does not fit the others.

    """

    def array(name: str) -> Array:
        try:
            mapped: Array = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        except Exception as error:  # a damaged header fails in many ways
            raise CorruptModelError(f"{folder / name}.npy cannot be mapped: {error}") from error
        if not isinstance(mapped, np.memmap) or mapped.ndim != 1:
            raise CorruptModelError(f"{folder / name}.npy is not an array of one dimension")
        return np.asarray(mapped)  # the same pages, without memmap's slow slicing

    def part(name: str, kind: type[Any]) -> Any:
        if kind is Array:
            return array(name)
        return kind(**{inner.name: array(f"{name}.{inner.name}") for inner in fields(kind)})

    model = Model(**{f.name: part(f.name, f.type) for f in fields(Model)})  # type: ignore[arg-type]  # the annotations are the classes themselves
    if problem := next(_misfits(model), None):
        raise CorruptModelError(f"{folder}: {problem}")
    return model


def _misfits(model: Model) -> Iterator[str]:
    """Yield what would make a reader fail or read beyond an array."""
    n = model.n_items
    for name in ("items", "titles", "users"):
        strings: Strings = getattr(model, name)
        if strings.content.dtype != np.uint8 or not _are_ends(strings.ends, len(strings.content)):
            yield f"{name} are not strings"
    for name in ("similar", "history", "questions", "answers"):
        rows: Rows = getattr(model, name)
        if rows.indices.dtype != index_type(n) or not _are_ends(rows.ends, len(rows.indices)):
            yield f"{name} are not rows"
        elif len(rows.indices) and int(rows.indices.max()) >= n:
            yield f"{name} name an item that is not there"
    per_item = (model.titles, model.similar, model.popularity, model.lately)
    if any(len(part) != n for part in per_item):
        yield "items, titles, similar, popularity and lately are not equally many"
    if model.popularity.dtype != np.uint32:
        yield "popularity is not uint32"
    if len(model.history) != len(model.users) or len(model.questions) != len(model.answers):
        yield "users and history, or questions and answers, are not equally many"
    yield from _odd_values(model)


def _odd_values(model: Model) -> Iterator[str]:
    if len(model.similarity) != len(model.similar.indices):
        yield "similarity is not one for each neighbour"
    if len(model.confidence) != len(model.history.indices) or not len(model.recency):
        yield "confidence is not one for each item of the history, or recency is empty"
    for name in ("similarity", "confidence", "recency", "lately"):
        values: Array = getattr(model, name)
        if values.dtype != np.float32 or not np.isfinite(values).all():
            yield f"{name} is not finite float32"
        elif name != "similarity" and bool((values < 0).any()):
            yield f"{name} is below 0"


def _are_ends(ends: Array, length: int) -> bool:
    if ends.dtype != np.int64:
        return False
    last = int(ends[-1]) if len(ends) else 0
    return last == length and bool((ends[:1] >= 0).all() and (ends[:-1] <= ends[1:]).all())
