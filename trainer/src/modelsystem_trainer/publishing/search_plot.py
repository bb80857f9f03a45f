"""The search as a drawing: what each try gave, the best so far, what was chosen, the runner-up.

From left to right are the tries, in their order; a thin line stands where a fit was made, which
costs far more than a try. Tries far below the best are left out: they would hide the rest.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from xml.etree import ElementTree as ET

from modelsystem_shared.manifest import Searched
from modelsystem_trainer.publishing.colours import INK, LINE, SERIES, dark_style

_WIDTH, _HEIGHT = 460, 250
_LEFT, _TOP, _RIGHT, _BOTTOM = 52, 14, 12, 40  # margins in pixels
_LEAST = 0.9  # of the best: what is shown
_LABELS = 4  # on the vertical axis
Tries = Sequence[dict[str, float | str]]
Point = tuple[float, float]


def draw(caption: str, tries: Tries, searched: Searched) -> bytes:
    """Return the drawing as SVG."""
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {_WIDTH} {_HEIGHT}",
            "width": str(_WIDTH),
            "height": str(_HEIGHT),
            "role": "img",
            "aria-label": caption,
        },
    )
    root.append(dark_style())
    scale = _Scale([float(tried["ndcg"]) for tried in tries])
    root.extend(_axes(scale, tries, searched))
    root.extend(_tries(scale, tries))
    root.extend(_choice(scale, searched))
    return ET.tostring(root, encoding="unicode").encode() + b"\n"


class _Scale:
    """From a try and its NDCG to pixels."""

    def __init__(self, values: Sequence[float]) -> None:
        self.values = values
        best = max(values)
        self.low = max(min(values), _LEAST * best)
        self.high = best + 0.08 * (best - self.low or 1)

    def x(self, place: float) -> float:
        width = _WIDTH - _LEFT - _RIGHT
        return round(_LEFT + width * (place + 0.5) / len(self.values))

    def y(self, value: float) -> float:
        height = _HEIGHT - _TOP - _BOTTOM
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(_HEIGHT - _BOTTOM - height * share)


def _axes(scale: _Scale, tries: Tries, searched: Searched) -> Iterator[ET.Element]:
    for step in range(_LABELS + 1):
        value = scale.low + (scale.high - scale.low) * step / _LABELS
        yield _line((_LEFT, scale.y(value)), (_WIDTH - _RIGHT, scale.y(value)), LINE)
        yield _text(f"{value:.4f}", 0, scale.y(value) + 4)
    for place in range(1, len(tries)):
        if tries[place]["fits"] != tries[place - 1]["fits"]:
            x = scale.x(place - 0.5)
            yield _line((x, _TOP), (x, _HEIGHT - _BOTTOM), LINE)
    counts = f"{searched['tries']} tries, {searched['fits']} fits (lines)"
    yield _text(counts, _LEFT, _HEIGHT - _BOTTOM + 15)


def _tries(scale: _Scale, tries: Tries) -> Iterator[ET.Element]:
    """Yield a dot for each try, a colour for each start, then the best so far as a line."""
    paths = list(dict.fromkeys(str(tried["path"]) for tried in tries))
    for number, path in enumerate(paths):
        shown = [
            f"M{scale.x(place)} {scale.y(scale.values[place])}h0"
            for place, tried in enumerate(tries)
            if tried["path"] == path and scale.values[place] >= scale.low
        ]
        look = {"fill": "none", "stroke": SERIES[number % len(SERIES)]}
        round_dots = {"stroke-width": "4", "stroke-linecap": "round"}
        yield ET.Element("path", {"d": "".join(shown)} | look | round_dots)
    points = " ".join(f"{scale.x(place)},{scale.y(value)}" for place, value in _corners(scale))
    yield ET.Element("polyline", {"points": points, "fill": "none", "stroke": INK})


def _corners(scale: _Scale) -> Iterator[Point]:
    """Yield where the best so far changes, before and after."""
    best = list(accumulate(scale.values, max))
    for place, value in enumerate(best):
        if place in (0, len(best) - 1) or {value} != {best[place - 1], best[place + 1]}:
            yield place, value


def _choice(scale: _Scale, searched: Searched) -> Iterator[ET.Element]:
    """Yield a ring around what was chosen, and the runner-up with the interval of its distance."""
    chosen = searched["chosen"]
    value = scale.values[chosen]
    ring = {"fill": "none", "stroke": INK, "stroke-width": "2"}
    yield _dot((scale.x(chosen), scale.y(value)), 5, ring)
    words = "ring: chosen"
    if "runner_up" in searched and "difference" in searched:
        place, difference = searched["runner_up"], searched["difference"]
        x = scale.x(place)
        yield _dot((x, scale.y(scale.values[place])), 4, {"fill": "none", "stroke": INK})
        low, high = value - difference["high"], value - difference["low"]
        yield _line((x, scale.y(low)), (x, scale.y(high)), INK)
        words += "; small ring: best of another fit, with the 95 % interval of the difference"
    yield _text(words, _LEFT, _HEIGHT - _BOTTOM + 31)


def _dot(centre: Point, radius: int, look: dict[str, str]) -> ET.Element:
    x, y = centre
    return ET.Element("circle", {"cx": str(x), "cy": str(y), "r": str(radius)} | look)


def _line(start: Point, end: Point, colour: str) -> ET.Element:
    ends = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
    return ET.Element("line", {name: str(at) for name, at in ends.items()} | {"stroke": colour})


def _text(text: str, x: float, y: float) -> ET.Element:
    attributes = {"x": str(x), "y": str(y), "fill": INK, "font-size": "11"}
    element = ET.Element("text", attributes | {"font-family": "sans-serif"})
    element.text = text
    return element
