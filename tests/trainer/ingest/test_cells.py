"""From text to numbers."""

import math
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_trainer.ingest import cells

MOMENTS = ["2018-05-23T01:02:03Z", "2018-05-23T03:02:03+02:00", "20180523T010203Z"]
MOMENTS += ["2018-05-23 01:02:03", "2018-05-23T01:02:03.000", "1527037323", "1527037323.0"]
NO_TIMES = ["", "now", "today", "nan", "NaT", "inf", "-inf", "yesterday", "2018-13-01", "5 May"]
NO_TIMES += ["2018-02-30", "23:00", "1527037323000", "-1527037323000", "0x10", "1_000", "\x00"]
NO_WEIGHTS = ["", "x", "nan", "NaN", "inf", "-Infinity", "-1", "-1e-9", "1e309", "4,5", "0x10"]
NO_WEIGHTS += ["1_000", "True", "None", "4\x00"]
moments = st.datetimes(timezones=st.just(UTC))
offsets = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))


def times(*texts: str) -> tuple[list[float], list[bool]]:
    parsed, bad = cells.timestamps(pd.Series(texts, dtype=object))
    return parsed.tolist(), bad.tolist()


@pytest.mark.parametrize("text", MOMENTS)
def test_iso_8601_and_epoch_seconds_are_equal(text: str) -> None:
    """One moment is one number, in every notation; without an offset it is UTC."""
    assert times(text) == ([1527037323.0], [False])


@given(moments, offsets)
def test_any_moment_is_read_with_any_offset(moment: datetime, offset: timezone) -> None:
    """From year 1 to 9999, to the microsecond as far as float64 has it."""
    try:
        text = moment.astimezone(offset).isoformat()
    except OverflowError:  # beyond those years in that zone
        text = moment.isoformat()
    assert times(text) == ([moment.timestamp()], [False])


def test_dates_are_read_far_from_today() -> None:
    """A date that means "for ever" is read, with any dates beside it."""
    read, bad = times("9999-12-31", "2018-01-01T00:00:00.123456789Z", "0001-01-01", "-86400")
    assert bad == [False] * 4
    assert read == [253402214400.0, 1514764800.123456, -62135596800.0, -86400.0]


@pytest.mark.parametrize("text", NO_TIMES)
def test_other_texts_are_no_times(text: str) -> None:
    """Milliseconds, words that mean today, and impossible dates are malformed."""
    assert times(text)[1] == [True]


@given(st.lists(st.sampled_from(MOMENTS + NO_TIMES + ["9999-12-31", "1800-01-01"]), min_size=1))
def test_a_time_does_not_depend_on_its_neighbours(texts: list[str]) -> None:
    """Each text is read as if it were alone."""
    read, bad = times(*texts)
    assert bad == [times(text)[1][0] for text in texts]
    alone = [times(text)[0][0] for text in texts]
    assert [r for r, b in zip(read, bad, strict=True) if not b] == [
        a for a, b in zip(alone, bad, strict=True) if not b
    ]


@given(st.floats(0, allow_infinity=False))
def test_any_weight_is_read_exactly(number: float) -> None:
    """A finite number of at least 0 is read to the last bit."""
    parsed, bad = cells.weights(pd.Series([repr(number)], dtype=object))
    assert (parsed.tolist(), bad.tolist()) == ([number], [False])


@pytest.mark.parametrize("text", NO_WEIGHTS)
def test_other_texts_are_no_weights(text: str) -> None:
    """NaN, negative and infinite numbers are malformed."""
    _, bad = cells.weights(pd.Series(["1", text], dtype=object))
    assert bad.tolist() == [False, True]


def test_malformed_rows_are_dropped_and_named() -> None:
    """A row has one reason; the sound ones keep their order and types."""
    long = "x" * (cells.LONGEST + 1)
    texts = {
        "user_id": ["u", "", "u", "u", "v", long],
        "item_id": ["i", "", "i", "i", long[1:], "i"],
        "weight": ["1", "x", "-1", "1", "2.5", "1"],
        "timestamp": ["0", "0", "0", "soon", "0", "0"],
    }
    frame, malformed = cells.parse(pd.DataFrame(texts, dtype=object))
    assert malformed == [
        (1, "user_id is empty"),
        (2, "weight is not a finite number of at least 0"),
        (3, "timestamp is neither seconds since 1970 nor ISO 8601"),
        (5, f"user_id is longer than {cells.LONGEST} characters"),
    ]
    assert frame["user_id"].tolist() == ["u", "v"]
    assert frame["weight"].tolist() == [1.0, 2.5]
    assert frame["timestamp"].dtype == np.float64
    assert math.fsum(frame["timestamp"]) == 0
