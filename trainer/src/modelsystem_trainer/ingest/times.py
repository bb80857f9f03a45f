"""Times: one parser for all forms of a timestamp, which docs/data.md lists.

A time is seconds since 1970 UTC, as a float64, from 1973-03-03 to the year 5138. In this range
no number of seconds can be meant as a date, and no other unit can be meant as seconds: days are
far below it, milliseconds far above it. A date without an offset is UTC.
"""

import math
import re
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd

from modelsystem_shared.numeric.arrays import Float64s, Mask
from modelsystem_trainer.ingest.numbers import numbers

EARLIEST, END = 1e8, 1e11  # seconds; the second is excluded
_FIRST_DATE, _LAST_DATE = 19730303, 20991231  # as numbers, YYYYMMDD; minutes are above them
_DASHED = re.compile(r"\d{4}-\d\d-\d\d[Tt ].")
_MENDED = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d|\d{8}|\d{4}-?\d{3})"
    r"(?:[Tt ](?P<time>[\d:.,]+) ?(?P<offset>[Zz]|UTC|GMT|[+-]\d\d:?(?:\d\d)?)?)?"
)
_ORDINAL = re.compile(r"(\d{4})-?(\d{3})")
_MIDNIGHT = re.compile(r"24(:?00){0,2}([.,]0+)?")
_LEAP = re.compile(r"(\d\d:?\d\d:?)60([.,]\d+)?")
_DAY = timedelta(days=1)
_COMPACT = re.compile(r"(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])[0-5]\d\d*")
_UNITS = {1e17: "nanoseconds", 1e14: "microseconds", 1e11: "milliseconds"}  # from this value up
_CURE = "write seconds since 1970, or ISO 8601"
OTHER = "is neither seconds since 1970 nor ISO 8601"


def seconds(texts: "pd.Series[str]") -> tuple[Float64s, Mask]:
    """Return times in seconds, and which texts are none; `fault` says why."""
    parsed = numbers(texts)
    is_date = (parsed >= _FIRST_DATE) & (parsed <= _LAST_DATE) & (parsed == np.floor(parsed))
    other = np.isnan(parsed)
    for place in np.flatnonzero(is_date):
        parsed[place] = _of_number(int(parsed[place]))
    parsed[other] = [_of_text(text) for text in texts[other]]
    return parsed, ~((parsed >= EARLIEST) & (parsed < END))


def fault(text: str) -> str:
    """Return what is wrong with a text that is no time: the unit that it seems to have."""
    number = float(numbers(pd.Series([text], dtype=object))[0])
    if math.isnan(number):
        is_moment = not math.isnan(_of_text(text))
        return "is not from 1973-03-03 to 5138-11-16" if is_moment else OTHER
    if math.isinf(number):
        return OTHER
    if _COMPACT.fullmatch(text.strip()):
        return f"seems to be a date and time without a T between them; {_CURE}"
    unit = next((unit for least, unit in _UNITS.items() if abs(number) >= least), None)
    if unit is None and 10_000 <= number < 100_000:
        unit = "days, as Excel or a database counts them"
    if unit is None and 1e6 <= number < EARLIEST:
        unit = "minutes"
    if unit is None:
        return f"is a time before 1973-03-03, or not in seconds since 1970; {_CURE}"
    return f"seems to be in {unit}; {_CURE}"


def _of_number(number: int) -> float:
    """Return the time of a date that is written as a number, YYYYMMDD; else the number."""
    try:
        day = date(number // 10_000, number // 100 % 100, number % 100)
    except ValueError:
        return float(number)
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _of_text(text: str) -> float:
    """Read ISO 8601; NaN for other texts.

    Not by pandas: it reads "now" as a time, and its range depends on the other texts.
    """
    text = text.strip()
    try:
        if len(text) > 10 and text[4] == "-" and text[7] == "-" and not _DASHED.match(text):
            return math.nan
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _mended(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _mended(text: str) -> float:
    """Read what Python's parser leaves out of ISO 8601, and `UTC` or `GMT` in place of `Z`.

    That is: the day of the year, midnight as 24:00, a leap second, letters in lower case.
    """
    if not (match := _MENDED.fullmatch(text)):
        return math.nan
    day, time, offset = match["date"], match["time"] or "00:00", match["offset"] or "Z"
    more = timedelta(0)
    if _MIDNIGHT.fullmatch(time):
        time, more = "00:00", _DAY
    elif leap := _LEAP.fullmatch(time):
        time, more = f"{leap[1]}59{leap[2] or ''}", timedelta(seconds=1)
    offset = offset if offset[0] in "+-" else "Z"
    try:
        if ordinal := _ORDINAL.fullmatch(day):
            first = date(int(ordinal[1]), 1, 1) + int(ordinal[2]) * _DAY - _DAY
            day = first.isoformat() if first.year == int(ordinal[1]) else "none"
        return (datetime.fromisoformat(f"{day}T{time}{offset}") + more).timestamp()
    except (ValueError, OverflowError):
        return math.nan
