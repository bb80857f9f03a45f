"""The ids of all files, sorted."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from modelsystem_trainer.ingest import Distinct, Ids, texts
from modelsystem_trainer.reading.sorting import SortedIds

id_texts = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    ["", "\0", "u\0", "u", "user-0000001", "é" * 70, "x" * 128, "x" * 129]
)


def distinct(values: list[str]) -> Distinct:
    """Return the distinct ids of a file."""
    ids = Ids()
    ids.add_texts(values)
    return ids.finish()[0]


@given(st.lists(st.lists(id_texts), min_size=1, max_size=4))
def test_they_are_in_the_order_of_their_bytes(files: list[list[str]]) -> None:
    """Short ones, long ones, and with NUL: all files' ids, each once, and each at its place."""
    each = [distinct(values) for values in files]
    ids = SortedIds.of(each)
    expected = sorted({value for values in files for value in values}, key=str.encode)
    assert ids.texts() == expected
    assert len(ids) == len(expected)
    for of_file in each:
        known = [*texts(of_file.words), *of_file.odd]
        assert [expected[place] for place in ids.places(of_file)] == known


def test_other_workers_map_the_same(tmp_path: Path) -> None:
    """What is saved has the same places."""
    of_file = distinct(["v", "u", "x" * 500, "\0", "user-0000001"])
    SortedIds.of([of_file]).save(tmp_path, "user")
    loaded = SortedIds.load(tmp_path, "user")
    assert loaded.texts() == ["\0", "u", "user-0000001", "v", "x" * 500]
    known = [*texts(of_file.words), *of_file.odd]
    assert [loaded.texts()[place] for place in loaded.places(of_file)] == known
