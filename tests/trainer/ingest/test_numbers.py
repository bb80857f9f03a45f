"""Ratings and weights."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_trainer.ingest import numbers

NO_WEIGHTS = ["", "x", "nan", "NaN", "inf", "-Infinity", "-1", "-1e-9", "1e309", "4,5", "0x10"]
NO_WEIGHTS += ["1_000", "True", "None", "4\x00", "1e308", "1e13", "1e-300", " ", "٣x"]


def weights(*texts: str) -> tuple[list[float], list[bool]]:
    parsed, bad = numbers.weights(pd.Series(texts, dtype=object))
    return parsed.tolist(), bad.tolist()


@given(st.floats(numbers.LEAST, numbers.MOST))
def test_any_usual_weight_is_read_exactly(number: float) -> None:
    """To the last bit, from a millionth of a millionth up to a million millions."""
    assert weights(repr(number)) == ([number], [False])


@pytest.mark.parametrize("text", ["2.5", " 2.5", "2.5 ", "\u00a02.5\t", "+2.5", "25e-1", "002.50"])
def test_blanks_and_notation_do_not_matter(text: str) -> None:
    """What one tool pads, another does not."""
    assert weights(text) == ([2.5], [False])


@pytest.mark.parametrize("text", ["0", "0.0", "-0", "-0.0"])
def test_zero_is_sound(text: str) -> None:
    """It is no interaction as a weight, and one as a rating."""
    assert weights(text) == ([0.0], [False])


@pytest.mark.parametrize("text", NO_WEIGHTS)
def test_other_texts_are_no_weights(text: str) -> None:
    """NaN, negative and infinite numbers are malformed, and those that no model can hold."""
    assert weights("1", text)[1] == [False, True]
