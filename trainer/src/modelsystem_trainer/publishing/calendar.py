"""A calendar of the interactions: a square for each day, darker for more, in a band for each year.

A day without any is an empty square: a night that is missing is seen at once.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from xml.etree import ElementTree as ET

import numpy as np

from modelsystem_shared.profile import Days
from modelsystem_trainer.publishing.colours import INK, LINE, SERIES, dark_style

_SQUARE, _GAP = 7, 1  # pixels
_STEP = _SQUARE + _GAP
_LEFT, _TOP = 34, 16  # of a band: its year, and the names of months
_BAND = _TOP + 7 * _STEP + 8
_WIDTH = _LEFT + 54 * _STEP
_SHADES = ("0.25", "0.5", "0.75", "1")  # opacities: quarters of the days that have rows
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def draw(caption: str, days: Days) -> bytes:
    """Return the drawing as SVG."""
    first = date.fromisoformat(days["first"])
    last = first + timedelta(days=len(days["rows"]) - 1)
    height = _BAND * (last.year - first.year + 1)
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {_WIDTH} {height}",
            "width": str(_WIDTH),
            "height": str(height),
            "role": "img",
            "aria-label": caption,
        },
    )
    root.append(dark_style())
    for year in range(first.year, last.year + 1):
        root.extend(_labels(year, _BAND * (year - first.year)))
    root.extend(_squares(first, days["rows"]))
    return ET.tostring(root, encoding="unicode").encode() + b"\n"


def _squares(first: date, rows: Sequence[int]) -> Iterator[ET.Element]:
    bounds = np.quantile([count for count in rows if count] or [1], [0.25, 0.5, 0.75])
    for number, count in enumerate(rows):
        day = first + timedelta(days=number)
        x, y = _place(day)
        place = {"x": str(x), "y": str(y + _BAND * (day.year - first.year))}
        if count:
            shade = _SHADES[int(np.searchsorted(bounds, count))]
            look = {"fill": SERIES[0], "fill-opacity": shade}
        else:
            look = {"fill": "none", "stroke": LINE}
        yield ET.Element("rect", place | {"width": str(_SQUARE), "height": str(_SQUARE)} | look)


def _labels(year: int, top: int) -> Iterator[ET.Element]:
    yield _text(str(year), 0, top + _TOP + 4 * _STEP)
    for month, name in enumerate(_MONTHS, 1):
        yield _text(name, _place(date(year, month, 1))[0], top + _TOP - 4)


def _text(text: str, x: int, y: int) -> ET.Element:
    attributes = {"x": str(x), "y": str(y), "fill": INK, "font-size": "11"}
    element = ET.Element("text", attributes | {"font-family": "sans-serif"})
    element.text = text
    return element


def _place(day: date) -> tuple[int, int]:
    """Return x and y in the band of the day's year: a column for each week, from Monday on."""
    start = date(day.year, 1, 1)
    week = ((day - start).days + start.weekday()) // 7
    return _LEFT + week * _STEP, _TOP + day.weekday() * _STEP
