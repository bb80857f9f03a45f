"""From the texts of rows to numbers, and which rows are malformed."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from modelsystem_shared.numeric.arrays import Mask
from modelsystem_trainer.ingest import numbers, times

LONGEST = 1000
_Reason = str | Callable[[str], str]  # the same for all texts, or by the text


def parse(texts: pd.DataFrame) -> tuple[pd.DataFrame, list[tuple[int, str]]]:
    """Turn rating, weight and timestamp of a frame of texts, by our names, into float64.

    Returns the frame of the sound rows, and place and reason of each malformed one.
    """
    frame = texts.copy()
    malformed: dict[int, str] = {}
    for name, bad, reason in _checks(frame):
        for place in map(int, np.flatnonzero(bad)):
            if place not in malformed:
                why = reason if isinstance(reason, str) else reason(texts[name].iloc[place])
                malformed[place] = f"{name} {why}"
    sound = np.ones(len(frame), bool)
    sound[list(malformed)] = False
    return frame[sound], sorted(malformed.items())


def _checks(frame: pd.DataFrame) -> Iterator[tuple[str, Mask, _Reason]]:
    for name in frame.columns:
        if name in ("rating", "weight"):
            frame[name], bad = numbers.weights(frame[name])
            yield name, bad, numbers.FAULT
        elif name == "timestamp":
            frame[name], bad = times.seconds(frame[name])
            yield name, bad, times.fault
        else:
            yield from _checks_of_text(name, frame[name])


def _checks_of_text(name: str, texts: "pd.Series[str]") -> Iterator[tuple[str, Mask, _Reason]]:
    lengths = texts.str.len().to_numpy()
    yield name, lengths > LONGEST, f"is longer than {LONGEST} characters"
    if name in ("user_id", "item_id"):
        yield name, lengths == 0, "is empty"
        has_line_break = texts.str.contains("[\r\n]", regex=True).to_numpy(bool)
        yield name, has_line_break, "has a line break, as after a stray quote"
