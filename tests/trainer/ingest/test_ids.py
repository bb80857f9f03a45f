"""Ids and their places."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_trainer.ingest import ids
from modelsystem_trainer.ingest.ids import WORD, Ids, TextColumn, WordColumn, Words

without_nul = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)
short = without_nul.filter(lambda text: len(text.encode()) <= ids.LONGEST)  # as `fast` reads words
parts = st.lists(
    st.tuples(st.just(True), st.lists(short, min_size=1))
    | st.tuples(st.just(False), st.lists(without_nul, min_size=1))
)


def words(texts: list[str]) -> Words:
    encoded = [text.encode() for text in texts]
    width = -(-max(map(len, encoded)) // WORD)
    content = b"".join(text.ljust(width * WORD, b"\0") for text in encoded)
    return np.frombuffer(content, "<u8").reshape(len(texts), width)


@given(parts, st.integers(0, 20))
def test_ids_are_found_by_their_places(
    drawn_parts: list[tuple[bool, list[str]]], waiting: int
) -> None:
    """As texts, as words or as both, each is known once."""
    column = Ids(waiting)
    for as_words, texts in drawn_parts:
        part = WordColumn(words(texts)) if as_words else TextColumn(texts)
        part.add_to(column)
        if column.is_full:
            column.settle()
    everything = [text for _, texts in drawn_parts for text in texts]
    assert len(column) == len(everything)
    distinct, numbers = column.finish()
    assert numbers.dtype == np.int32
    known = [*ids.texts(distinct.words), *distinct.odd]
    assert sorted(known) == sorted(set(everything))
    assert [known[number] for number in numbers] == everything


@given(st.lists(st.text(), max_size=20))
def test_any_text_can_be_an_id(texts: list[str]) -> None:
    """Texts may be empty or hold NUL, as words may not."""
    column = Ids()
    column.add_texts(texts)
    distinct, numbers = column.finish()
    known = [*ids.texts(distinct.words), *distinct.odd]
    assert [known[number] for number in numbers] == texts
    assert all("\0" in text or len(text.encode()) > ids.LONGEST for text in distinct.odd)


@given(st.lists(without_nul, min_size=1))
def test_words_are_texts_again(texts: list[str]) -> None:
    """Ids that differ only in their length are different."""
    places, distinct = ids.distinct(words(texts))
    assert ids.texts(distinct) == list(dict.fromkeys(texts))
    assert [ids.texts(distinct)[place] for place in places] == texts
