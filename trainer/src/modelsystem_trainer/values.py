"""From a block's text to numbers: which rows are malformed, and why."""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
LONGEST = 1000
_LATEST = 1e11  # seconds: the year 5138; what lies beyond is milliseconds


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


def weights(texts: pd.Series) -> tuple[Floats, Mask]:
    """Return weights or ratings, and which are not finite numbers of at least 0."""
    parsed = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64)
    return parsed, ~(np.isfinite(parsed) & (parsed >= 0))


def timestamps(texts: pd.Series) -> tuple[Floats, Mask]:
    """Return times in seconds since 1970 UTC, and which are neither such nor ISO 8601."""
    parsed = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64).copy()
    beyond, other = np.abs(parsed) >= _LATEST, np.isnan(parsed)
    parsed[other] = [_seconds(text) for text in texts[other]]
    return parsed, beyond | np.isnan(parsed)


def _seconds(text: str) -> float:
    """Read ISO 8601, UTC where it names no offset; NaN where the text is something else.

    Not by pandas: there "now" is a time, and the range depends on the other texts.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return math.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class Codes:
    """Gives each distinct id a number, in the order of first sight."""

    def __init__(self) -> None:
        """Start with none."""
        self.numbers: dict[str, int] = {}

    def of(self, ids: Sequence[str]) -> npt.NDArray[np.int32]:
        """Return the numbers of `ids`, int32, new ones for new ids."""
        local, distinct = pd.factorize(np.asarray(ids, dtype=object))
        numbers = [self.numbers.setdefault(value, len(self.numbers)) for value in distinct]
        return np.array(numbers, np.int32)[local]

    def sort(self) -> tuple[list[str], npt.NDArray[np.int32]]:
        """Return the ids sorted as their UTF-8 bytes are, and for each number its new place."""
        ids = sorted(self.numbers)  # Python compares code points, which is UTF-8's order
        places = np.empty(len(ids), np.int32)
        places[[self.numbers[value] for value in ids]] = np.arange(len(ids), dtype=np.int32)
        return ids, places
