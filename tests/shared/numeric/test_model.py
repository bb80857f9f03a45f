"""Model files are plain arrays: mapped, checked for fit, never unpickled."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_shared.errors import CorruptModelError
from modelsystem_shared.numeric import model
from modelsystem_shared.numeric.arrays import Array
from modelsystem_shared.numeric.model import Model, Rows, Strings

WORDS = st.lists(st.text(), unique=True)


def _rows(*rows: list[int]) -> Rows:
    ends = np.cumsum([len(row) for row in rows], dtype=np.int64)
    return Rows(np.array(list(chain(*rows)), np.uint8), ends)


SMALL = Model(
    items=Strings.of(["007", "7", "é"]),
    titles=Strings.of(["Bond", "Seven", ""]),
    users=Strings.of(["ann", "bob"]),
    similar=_rows([1, 2], [0], []),
    similarity=np.array([0.5, 0.25, 0.5], np.float32),
    history=_rows([0, 1], [2]),
    confidence=np.array([0.5, 1, 1], np.float32),
    recency=np.array([1, 0.5], np.float32),
    trend=np.array([0.5, 0.25, 0], np.float32),
    questions=_rows([0]),
    answers=_rows([1, 2]),
)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    """Write a model's files, some of them replaced by other arrays."""

    def save(written: Model = SMALL, **others: Any) -> Path:
        for name, array in (dict(model.arrays(written)) | others).items():
            np.save(tmp_path / name, array)
        return tmp_path

    return save


def test_a_saved_model_is_loaded_as_it_was(saved: Callable[..., Path]) -> None:
    """Every array comes back with its values and its type."""
    loaded = dict(model.arrays(model.load(saved())))
    for name, array in model.arrays(SMALL):
        np.testing.assert_array_equal(loaded[name], array, strict=True)


def test_the_parts_of_a_file_are_what_numpy_writes(tmp_path: Path) -> None:
    """A model file is a plain `.npy` file, also of an empty array."""
    for _, array in [*model.arrays(SMALL), ("", np.zeros(0, np.int64))]:
        np.save(tmp_path / "a.npy", array)
        assert b"".join(model.npy(array)) == (tmp_path / "a.npy").read_bytes()


def test_a_loaded_model_is_mapped_and_read_only(saved: Callable[..., Path]) -> None:
    """All processes share the pages, and none can change them."""
    for _, array in model.arrays(model.load(saved())):
        assert isinstance(array.base, np.memmap)
        assert not array.flags.writeable


def test_the_files_are_named_after_the_parts() -> None:
    """The names are those of the fields, so that a listing explains itself."""
    assert [name for name, _ in model.arrays(SMALL)][:4] == [
        "items.content.npy",
        "items.ends.npy",
        "titles.content.npy",
        "titles.ends.npy",
    ]


def test_a_model_without_users_can_be_mapped(saved: Callable[..., Path]) -> None:
    """Empty arrays are arrays."""
    without_users = replace(
        SMALL, users=Strings.of([]), history=_rows(), confidence=np.zeros(0, np.float32)
    )
    loaded = model.load(saved(without_users))
    assert len(loaded.users) == 0
    assert loaded.users.find("ann") is None


INT64 = np.int64
MISFITS: dict[str, Array] = {
    "items.content.npy": np.frombuffer(b"007\x37\xc3\xa9", np.int8),
    "items.ends.npy": np.array([3, 4], INT64),
    "titles.ends.npy": np.array([4, 3, 9], INT64),
    "titles.content.npy": np.zeros(8, np.uint8),
    "users.content.npy": np.array(7, np.uint8),
    "users.ends.npy": np.array([3, 6], np.int32),
    "similar.indices.npy": np.array([1, 3, 0], np.uint8),
    "similar.ends.npy": np.array([2, 3], INT64),
    "similarity.npy": np.array([0.5, np.nan, 0.5], np.float32),
    "history.indices.npy": np.array([0, 1, 2], np.uint16),
    "history.ends.npy": np.array([2, 3, 3], INT64),
    "confidence.npy": np.array([1, 1], np.float32),
    "recency.npy": np.zeros(0, np.float32),
    "trend.npy": np.array([1, 1], np.float32),
    "questions.indices.npy": np.zeros((1, 1), np.uint8),
    "questions.ends.npy": np.array([0, 1], INT64),
    "answers.ends.npy": np.array([-1], INT64),
}


@pytest.mark.parametrize("name", MISFITS)
def test_an_array_that_does_not_fit_is_refused(saved: Callable[..., Path], name: str) -> None:
    """Wrong type, shape, length or content, in each file: never an answer from it."""
    with pytest.raises(CorruptModelError):
        model.load(saved(**{name: MISFITS[name]}))


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("similarity.npy", np.array([0.5, 0.25, 0.5], np.float64)),
        ("similarity.npy", np.array([0.5, 0.25], np.float32)),
        ("similarity.npy", np.array([0.5, np.inf, 0.5], np.float32)),
        ("similarity.npy", np.array([0.5, 0.25, 0.5], ">f4")),
        ("confidence.npy", np.array([1, -1, 1], np.float32)),
        ("recency.npy", np.array([1, np.inf], np.float32)),
        ("trend.npy", np.array([1, 1, 1], np.float64)),
        ("trend.npy", np.array(3, np.float32)),
        ("items.ends.npy", np.array([-1, 4, 6], INT64)),
        ("items.ends.npy", np.array(3, INT64)),
        ("items.ends.npy", np.array([[3, 4, 6]], INT64)),
        ("items.ends.npy", np.array([2**63 - 1, -2, 6], INT64)),
    ],
)
def test_other_misfits_are_refused(saved: Callable[..., Path], name: str, other: Array) -> None:
    """Nor one that is wrong in a subtler way: `ends` whose differences overflow, say."""
    with pytest.raises(CorruptModelError):
        model.load(saved(**{name: other}))


def test_every_array_is_needed(saved: Callable[..., Path]) -> None:
    """A file that is missing is named."""
    folder = saved()
    (folder / "history.ends.npy").unlink()
    with pytest.raises(CorruptModelError, match=r"history\.ends\.npy cannot be mapped"):
        model.load(folder)


def test_every_truncation_is_refused(saved: Callable[..., Path]) -> None:
    """An array cut anywhere cannot be mapped."""
    path = saved() / "similarity.npy"
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(CorruptModelError, match=r"similarity\.npy"):
            model.load(path.parent)


@pytest.mark.filterwarnings("ignore:Reading `.npy`")  # numpy's comment on a changed header
def test_a_damaged_header_is_corruption_at_worst(saved: Callable[..., Path]) -> None:
    """However numpy's reader of headers fails, no traceback comes of it."""
    path = saved() / "similarity.npy"
    whole = path.read_bytes()
    for place in range(128):
        for byte in b"\0('":
            path.write_bytes(whole[:place] + bytes([byte]) + whole[place + 1 :])
            with suppress(CorruptModelError):
                model.load(path.parent)


class Bomb:
    """What a pickle could do."""

    exploded: bool = False

    def __reduce__(self) -> Any:
        return setattr, (Bomb, "exploded", True)


def test_no_pickle_is_loaded(saved: Callable[..., Path]) -> None:
    """An array of objects is refused before anything in it runs."""
    with pytest.raises(CorruptModelError, match=r"similarity\.npy cannot be mapped"):
        model.load(saved(**{"similarity.npy": np.array([Bomb()], object)}))
    assert not Bomb.exploded


def test_an_archive_is_not_an_array(saved: Callable[..., Path]) -> None:
    """Numpy would open a zip file under any name."""
    folder = saved()
    with (folder / "similarity.npy").open("wb") as file:
        np.savez(file, similarity=SMALL.similarity)
    with pytest.raises(CorruptModelError, match=r"similarity\.npy"):
        model.load(folder)


@given(st.lists(st.text()))
def test_strings_come_back_as_they_were(values: list[str]) -> None:
    """Any text survives its packing, repeated and empty ones too."""
    packed = Strings.of(values)
    assert [packed[index] for index in range(len(packed))] == values


@given(WORDS)
def test_every_string_is_found_where_it_is(words: list[str]) -> None:
    """In strings sorted by their bytes each one is found."""
    values = sorted(words, key=str.encode)
    packed = Strings.of(values)
    assert [packed.find(value) for value in values] == list(range(len(values)))


@given(WORDS, st.text(st.characters()))
def test_what_is_not_there_is_not_found(words: list[str], other: str) -> None:
    """Whatever an application sends, even half a character, is looked up without harm."""
    packed = Strings.of(sorted(set(words) - {other}, key=str.encode))
    assert packed.find(other) is None


def test_half_a_character_is_not_found() -> None:
    r"""JSON can carry the lone surrogate \ud800, which UTF-8 cannot."""
    assert SMALL.items.find("\ud800") is None


def test_ids_are_kept_exactly() -> None:
    """007 is not 7."""
    assert [SMALL.items.find(value) for value in ("007", "7", "07")] == [0, 1, None]


@pytest.mark.parametrize(
    ("count", "kind"),
    [(0, "u1"), (1, "u1"), (256, "u1"), (257, "u2"), (65536, "u2"), (65537, "u4")],
)
def test_indices_take_the_smallest_type(count: int, kind: str) -> None:
    """The largest index of `count` things just fits."""
    assert model.index_type(count) == np.dtype(kind)


def test_every_one_of_many_strings_is_found() -> None:
    """However many there are, each is found in its place, and what lies between is not."""
    words = sorted((f"{number}é" for number in range(3000)), key=str.encode)
    strings = Strings.of(words)
    assert [strings.find(word) for word in words] == list(range(3000))
    assert not any(strings.find(word[:-1]) is not None for word in words)
    assert strings.find("") is None
    assert strings.find("\U0010ffff") is None


def test_some_strings_are_picked() -> None:
    """In the order in which they are asked for, also where all are empty."""
    assert SMALL.items.pick([2, 0, 2]) == ["é", "007", "é"]
    assert Strings.of(["", ""]).pick([1, 0]) == ["", ""]
