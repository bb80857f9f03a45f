"""Times: every form that docs/data.md lists, and the units that are refused by name."""

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_trainer.ingest import times

SECONDS = 1527037323.0  # 2018-05-23T01:02:03Z
MIDNIGHT = 1527033600.0
PAGE = Path(__file__).parents[3] / "docs" / "data.md"
FORMS = {  # text: seconds
    "1527037323": SECONDS,
    "1527037323.0": SECONDS,
    "1527037323.25": SECONDS + 0.25,
    "1.527037323e9": SECONDS,
    "2018-05-23": MIDNIGHT,
    "20180523": MIDNIGHT,
    "20180523.0": MIDNIGHT,
    "2018-143": MIDNIGHT,
    "2018-W21-3": MIDNIGHT,
    "2018-05-23T01": MIDNIGHT + 3600,
    "2018-05-23T01:02": SECONDS - 3,
    "2018-05-23T01:02:03": SECONDS,
    "2018-05-23 01:02:03": SECONDS,
    "2018-05-23T01:02:03Z": SECONDS,
    "2018-05-23t01:02:03z": SECONDS,
    "20180523T010203Z": SECONDS,
    "20180523T010203": SECONDS,
    "2018-05-23T01:02:03.2Z": SECONDS + 0.2,
    "2018-05-23T01:02:03.250Z": SECONDS + 0.25,
    "2018-05-23T01:02:03.250000Z": SECONDS + 0.25,
    "2018-05-23T01:02:03.2500000Z": SECONDS + 0.25,
    "2018-05-23T01:02:03.250000000Z": SECONDS + 0.25,
    "2018-05-23T01:02:03,25Z": SECONDS + 0.25,
    "2018-05-23T03:02:03+02:00": SECONDS,
    "2018-05-23T03:02:03+0200": SECONDS,
    "2018-05-23T03:02:03+02": SECONDS,
    "2018-05-23 03:02:03 +0200": SECONDS,
    "2018-05-23 01:02:03 UTC": SECONDS,
    "2018-05-23 01:02:03 GMT": SECONDS,
    "2018-05-22T24:00:00": MIDNIGHT,
    "2018-05-22T23:59:60Z": MIDNIGHT,
}
NO_TIMES = ["", "now", "today", "nan", "NaT", "inf", "-inf", "yesterday", "2018-13-01", "5 May"]
NO_TIMES += ["2018-02-30", "23:00", "0x10", "1_000", "\x00", "2018-05", "2018-05-23x01:02"]
NO_TIMES += ["05/23/2018", "23.05.2018", "2018-366", "2018-05-23T25:00", "2018-05-23T23:59:61"]
UNITS = {
    "1527037323000": "milliseconds",
    "-1527037323000": "milliseconds",
    "1527037323000000": "microseconds",
    "1527037323000000000": "nanoseconds",
    "1.527037323e12": "milliseconds",
    "43228.5": "days, as Excel or a database counts them",
    "17674": "days, as Excel or a database counts them",
    "25450622": "minutes",
    "20180523010203": "a date and time without a T between them",
    "201805230102": "a date and time without a T between them",
    "5": "before 1973-03-03, or not in seconds",
    "0": "before 1973-03-03, or not in seconds",
    "-86400": "before 1973-03-03, or not in seconds",
    "20181301": "minutes",
    "9999-12-31": "not from 1973-03-03 to 5138-11-16",
    "0001-01-01": "not from 1973-03-03 to 5138-11-16",
    "1970-01-01T00:00:00Z": "not from 1973-03-03 to 5138-11-16",
}
offsets = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
moments = st.datetimes(datetime(1974, 1, 1), datetime(5138, 1, 1), timezones=st.just(UTC))


def read(*texts: str) -> tuple[list[float], list[bool]]:
    parsed, bad = times.seconds(pd.Series(texts, dtype=object))
    return parsed.tolist(), bad.tolist()


@pytest.mark.parametrize("text", FORMS)
@pytest.mark.parametrize("blanks", ["{}", " {}", "{} ", "\t{}\u00a0"])
def test_every_form_is_the_same_moment(text: str, blanks: str) -> None:
    """One parser for all of them; blanks around a value have no effect."""
    assert read(blanks.format(text)) == ([FORMS[text]], [False])


def test_the_page_lists_the_forms() -> None:
    """Each form in docs/data.md is read, and each form that this test has is on the page."""
    table = PAGE.read_text(encoding="utf-8").split("<!-- times -->")[1]
    listed = re.findall(r"`([^`]+)`", table)
    assert sorted(listed) == sorted(FORMS)


@given(moments, offsets)
def test_any_moment_is_read_with_any_offset(moment: datetime, offset: timezone) -> None:
    """To the microsecond, as far as float64 has it."""
    text = moment.astimezone(offset).isoformat()
    assert read(text) == ([moment.timestamp()], [False])


@pytest.mark.parametrize("text", NO_TIMES)
def test_other_texts_are_no_times(text: str) -> None:
    """Words that mean today, impossible dates, and dates whose day and month could be swapped."""
    assert read(text)[1] == [True]
    assert times.fault(text) == times.OTHER


@pytest.mark.parametrize("text", UNITS)
def test_another_unit_is_refused_by_its_name(text: str) -> None:
    """A number in another unit would be a date in 1970, or far in the future."""
    assert read(text)[1] == [True]
    assert UNITS[text] in times.fault(text)


@pytest.mark.parametrize("number", [times.EARLIEST, times.END - 1])
def test_numbers_and_texts_have_the_same_bounds(number: float) -> None:
    """The first and the last moment are read in both notations, and none beyond them."""
    text = datetime.fromtimestamp(number, UTC).isoformat()
    assert read(f"{number:.0f}", text) == ([number, number], [False, False])
    beyond = number - 1 if number == times.EARLIEST else number + 1
    texts = [f"{beyond:.0f}", datetime.fromtimestamp(beyond, UTC).isoformat()]
    assert read(*texts)[1] == [True, True]


@given(st.lists(st.sampled_from([*FORMS, *NO_TIMES, *UNITS]), min_size=1))
def test_a_time_does_not_depend_on_its_neighbours(texts: list[str]) -> None:
    """Each text is read as if it were alone."""
    parsed, bad = read(*texts)
    assert bad == [read(text)[1][0] for text in texts]
    alone = [read(text)[0][0] for text in texts]
    assert [p for p, b in zip(parsed, bad, strict=True) if not b] == [
        a for a, b in zip(alone, bad, strict=True) if not b
    ]
