"""Ids to places, however they come."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_trainer.ingest import ids
from modelsystem_trainer.ingest.ids import WORD, Ids, Words

without_nul = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)
parts = st.lists(st.tuples(st.booleans(), st.lists(without_nul, min_size=1)))


def words(texts: list[str]) -> Words:
    encoded = [text.encode() for text in texts]
    width = -(-max(map(len, encoded)) // WORD)
    content = b"".join(text.ljust(width * WORD, b"\0") for text in encoded)
    return np.frombuffer(content, "<u8").reshape(len(texts), width)


@given(parts, st.integers(0, 20))
def test_ids_are_found_by_their_places(
    given_parts: list[tuple[bool, list[str]]], waiting: int
) -> None:
    """As texts, as words or as both, they are sorted by their UTF-8 bytes, each there once."""
    column = Ids()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ids, "_WAITING", waiting)
        for as_words, texts in given_parts:
            if as_words:
                column.add_words(words(texts))
            else:
                column.add_texts(texts)
            if column.is_full:
                column.settle()
    everything = [text for _, texts in given_parts for text in texts]
    assert len(column) == len(everything)
    found, places = column.sort()
    assert places.dtype == np.int32
    assert found == sorted(set(everything), key=str.encode)
    assert [found[place] for place in places] == everything


@given(st.lists(st.text(), max_size=20))
def test_any_text_can_be_an_id(texts: list[str]) -> None:
    """Texts may be empty or hold NUL, as words may not."""
    column = Ids()
    column.add_texts(texts)
    found, places = column.sort()
    assert [found[place] for place in places] == texts


@given(st.lists(without_nul, min_size=1))
def test_words_are_texts_again(texts: list[str]) -> None:
    """What differs only in length differs."""
    places, found = ids.distinct(words(texts))
    assert ids.texts(found) == list(dict.fromkeys(texts))
    assert [ids.texts(found)[place] for place in places] == texts
