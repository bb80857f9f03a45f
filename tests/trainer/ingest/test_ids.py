"""Ids and their places."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_trainer.ingest import ids
from modelsystem_trainer.ingest.ids import WORD, Ids, TextColumn, WordColumn, Words

without_nul = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)
parts = st.lists(st.tuples(st.booleans(), st.lists(without_nul, min_size=1)))


def words(texts: list[str]) -> Words:
    encoded = [text.encode() for text in texts]
    width = -(-max(map(len, encoded)) // WORD)
    content = b"".join(text.ljust(width * WORD, b"\0") for text in encoded)
    return np.frombuffer(content, "<u8").reshape(len(texts), width)


@given(parts, st.integers(0, 20))
def test_ids_are_found_by_their_places(
    drawn_parts: list[tuple[bool, list[str]]], waiting: int
) -> None:
    """As texts, as words or as both, they are sorted by their UTF-8 bytes, each once."""
    column = Ids()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ids, "_WAITING", waiting)
        for as_words, texts in drawn_parts:
            part = WordColumn(words(texts)) if as_words else TextColumn(texts)
            part.add_to(column)
            if column.is_full:
                column.settle()
    everything = [text for _, texts in drawn_parts for text in texts]
    assert len(column) == len(everything)
    distinct, places = column.sort()
    assert places.dtype == np.int32
    assert distinct == sorted(set(everything), key=str.encode)
    assert [distinct[place] for place in places] == everything


@given(st.lists(st.text(), max_size=20))
def test_any_text_can_be_an_id(texts: list[str]) -> None:
    """Texts may be empty or hold NUL, as words may not."""
    column = Ids()
    column.add_texts(texts)
    distinct, places = column.sort()
    assert [distinct[place] for place in places] == texts


@given(st.lists(without_nul, min_size=1))
def test_words_are_texts_again(texts: list[str]) -> None:
    """Ids that differ only in their length are different."""
    places, distinct = ids.distinct(words(texts))
    assert ids.texts(distinct) == list(dict.fromkeys(texts))
    assert [ids.texts(distinct)[place] for place in places] == texts
