"""The model file format: named `.npy` arrays in one folder, mapped and never unpickled.

Ids are sorted by their UTF-8 bytes, so that a lookup is a binary search in the mapped file
and no process holds a dictionary of its own. Indices take the smallest unsigned type that
holds them.
"""

import io
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from modelsystem_shared.errors import CorruptModelError, UnreadableModelError
from modelsystem_shared.numeric.arrays import Array, Float32s

_STRIDE = 256


@dataclass(frozen=True)
class Strings:
    """Strings end to end: UTF-8 `content` (uint8), and `ends` (int64), where each string ends."""

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
        """Return some of the strings, quicker than by single look-ups."""
        content, ends = self._buffers
        if not len(content):
            return [""] * len(indices)
        return [str(content[ends[i - 1] if i else 0 : ends[i]], "utf-8") for i in indices]

    @cached_property
    def _signposts(self) -> list[bytes]:
        """Every 256th string: where a search begins."""
        return [self.encoded(index) for index in range(0, len(self), _STRIDE)]

    @cached_property
    def _buffers(self) -> tuple[memoryview, memoryview]:
        """The arrays as buffers: a slice of a buffer takes a third of the time."""
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
        ends = self._ends
        return slice(ends[row - 1] if row else 0, ends[row])

    @cached_property
    def _ends(self) -> memoryview:
        """The ends as a buffer: a look-up takes a third of the time."""
        return self.ends.data

    def __getitem__(self, row: int) -> Array:
        return self.indices[self.bounds(row)]


@dataclass(frozen=True)
class Model:
    """All that a scorer needs, for n users and m items; an array is named as its file.

    similar, similarity: for each item its neighbours, strongest first, and float32 weights.
    history, confidence: for each user the items of the training data, ascending, and how much
        each counts (float32, not negative): a user's score is the sum of confidence × similarity.
        A model without histories has no users either.
    recency: how much the last of the items in a request counts, the one before it, and so on;
        items further back count as the last value (float32, not empty, not negative).
    trend: for each item the share of users who chose it, where late choices count most (float32).
    questions, answers: for each gate user, without an id, the earlier items, the latest of them
        last, and the held-out items that came after them.
    """

    items: Strings
    titles: Strings
    users: Strings
    similar: Rows
    similarity: Float32s
    history: Rows
    confidence: Float32s
    recency: Float32s
    trend: Float32s
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
    for part in fields(model):
        value = getattr(model, part.name)
        if isinstance(value, np.ndarray):
            yield f"{part.name}.npy", value
        else:
            for inner in fields(value):
                yield f"{part.name}.{inner.name}.npy", getattr(value, inner.name)


def npy(array: Array) -> tuple[bytes, memoryview]:
    """Return the header and the content of an array's `.npy` file; the content is no copy.

    array: one dimension, contiguous.
    """
    header = io.BytesIO()
    described = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(header, described)
    return header.getvalue(), array.view(np.uint8).data


def load(folder: Path) -> Model:
    """Map a verified model; all processes on a machine share its pages.

    Raises:
        CorruptModelError: an array is missing, unreadable, or does not fit the others.

    """

    def strings(name: str) -> Strings:
        return Strings(_mapped(folder, f"{name}.content"), _mapped(folder, f"{name}.ends"))

    def rows(name: str) -> Rows:
        return Rows(_mapped(folder, f"{name}.indices"), _mapped(folder, f"{name}.ends"))

    model = Model(
        items=strings("items"),
        titles=strings("titles"),
        users=strings("users"),
        similar=rows("similar"),
        similarity=_mapped(folder, "similarity"),
        history=rows("history"),
        confidence=_mapped(folder, "confidence"),
        recency=_mapped(folder, "recency"),
        trend=_mapped(folder, "trend"),
        questions=rows("questions"),
        answers=rows("answers"),
    )
    check(model, str(folder))
    return model


def check(model: Model, name: str) -> None:
    """Refuse a model that would make a reader fail; `name` says where it is.

    Raises:
        CorruptModelError: arrays do not fit each other, or hold values that no reader expects.

    """
    if misfit := next(_misfits(model), None):
        raise CorruptModelError(f"{name}: {misfit}")


def _mapped(folder: Path, name: str) -> Array:
    path = folder / f"{name}.npy"
    try:
        mapped: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise UnreadableModelError(f"{path} cannot be mapped: {error}") from error
    except Exception as error:  # a damaged header fails in many ways
        raise CorruptModelError(f"{path} cannot be mapped: {error}") from error
    if not isinstance(mapped, np.memmap) or mapped.ndim != 1:
        raise CorruptModelError(f"{path} is not an array of one dimension")
    return np.asarray(mapped)  # the same pages, without memmap's slow slicing


def _misfits(model: Model) -> Iterator[str]:
    """Yield what would make a reader fail or read beyond an array."""
    for name, strings in _strings(model):
        if strings.content.dtype != np.uint8 or not _are_ends(strings.ends, len(strings.content)):
            yield f"{name} are not strings"
    for name, rows in _rows(model):
        if rows.indices.dtype != index_type(model.n_items) or not _are_ends(
            rows.ends, len(rows.indices)
        ):
            yield f"{name} are not rows"
        elif len(rows.indices) and int(rows.indices.max()) >= model.n_items:
            yield f"{name} name an item that is not in the model"
    yield from _other_lengths(model)
    yield from _odd_values(model)


def _strings(model: Model) -> Iterator[tuple[str, Strings]]:
    yield from (("items", model.items), ("titles", model.titles), ("users", model.users))


def _rows(model: Model) -> Iterator[tuple[str, Rows]]:
    yield from (("similar", model.similar), ("history", model.history))
    yield from (("questions", model.questions), ("answers", model.answers))


def _other_lengths(model: Model) -> Iterator[str]:
    if {len(model.titles), len(model.similar), len(model.trend)} != {model.n_items}:
        yield "items, titles, similar and trend have different lengths"
    if len(model.history) != len(model.users):
        yield "users and history have different lengths"
    if len(model.questions) != len(model.answers):
        yield "questions and answers have different lengths"
    if len(model.similarity) != len(model.similar.indices):
        yield "similarity does not have one value for each neighbour"
    if len(model.confidence) != len(model.history.indices):
        yield "confidence does not have one value for each item of the histories"
    if not len(model.recency):
        yield "recency is empty"


def _odd_values(model: Model) -> Iterator[str]:
    for name in ("similarity", "confidence", "recency", "trend"):
        values: Float32s = getattr(model, name)
        if values.dtype != np.float32 or not np.isfinite(values).all():
            yield f"{name} is not finite float32"
        elif name != "similarity" and bool((values < 0).any()):
            yield f"{name} is below 0"


def _are_ends(ends: Array, length: int) -> bool:
    if ends.dtype != np.int64:
        return False
    last = int(ends[-1]) if len(ends) else 0
    return last == length and bool((ends[:1] >= 0).all() and (ends[:-1] <= ends[1:]).all())
