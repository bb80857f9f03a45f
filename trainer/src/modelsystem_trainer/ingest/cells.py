"""From the texts of rows to numbers, and which rows are malformed."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from modelsystem_shared.numeric.arrays import Float64s, Mask

LONGEST = 1000
_LATEST = 1e11  # seconds: the year 5138; larger numbers are milliseconds


def parse(texts: pd.DataFrame) -> tuple[pd.DataFrame, list[tuple[int, str]]]:
    """Turn rating, weight and timestamp of a frame of texts, by our names, into float64.

    Returns the frame of the sound rows, and place and reason of each malformed one.
    """
    frame = texts.copy()
    malformed: dict[int, str] = {}
    for name, bad, reason in _checks(frame):
        for place in np.flatnonzero(bad):
            malformed.setdefault(int(place), f"{name} {reason}")
    sound = np.ones(len(frame), bool)
    sound[list(malformed)] = False
    return frame[sound], sorted(malformed.items())


def _checks(frame: pd.DataFrame) -> Iterator[tuple[str, Mask, str]]:
    for name in frame.columns:
        if name in ("rating", "weight"):
            frame[name], bad = weights(frame[name])
            yield name, bad, "is not a finite number of at least 0"
        elif name == "timestamp":
            frame[name], bad = timestamps(frame[name])
            yield name, bad, "is neither seconds since 1970 nor ISO 8601"
        else:
            lengths = frame[name].str.len().to_numpy()
            yield name, lengths > LONGEST, f"is longer than {LONGEST} characters"
            if name in ("user_id", "item_id"):
                yield name, lengths == 0, "is empty"


def weights(texts: pd.Series) -> tuple[Float64s, Mask]:
    """Return weights or ratings, and which are not finite numbers of at least 0."""
    parsed = _numbers(texts)
    return parsed, ~(np.isfinite(parsed) & (parsed >= 0))


def timestamps(texts: pd.Series) -> tuple[Float64s, Mask]:
    """Return times in seconds since 1970 UTC, and which texts are neither that nor ISO 8601."""
    parsed = _numbers(texts)
    beyond, other = np.abs(parsed) >= _LATEST, np.isnan(parsed)
    parsed[other] = [_seconds(text) for text in texts[other]]
    return parsed, beyond | np.isnan(parsed)


def _numbers(texts: pd.Series) -> Float64s:
    """Return numbers, NaN for other texts; 0 for -0, because the integer "-0" is 0 too."""
    numbers: Float64s = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64) + 0.0
    return numbers


def _seconds(text: str) -> float:
    """Read ISO 8601, in UTC if it names no offset; NaN for other texts.

    Not by pandas: it reads "now" as a time, and its range depends on the other texts.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return math.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
