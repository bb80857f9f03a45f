"""Bar charts as SVG for a page: no script, no style of their own, the same bytes every time.

pygal draws them; what it adds for a file that stands alone (fonts, colours, scripts, tooltips,
the date in a comment) is taken out again, so that the page's style sheet governs, in light and
dark. Series n has the class `color-n`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import pygal
from pygal.etree import etree

etree.to_etree()  # it would take lxml where that happens to be, whose trees and bytes are others
_LOOK = {
    "width": 460,  # what a phone shows at nearly its own size
    "height": 250,
    "margin": 4,
    "spacing": 6,
    "max_scale": 6,
    "truncate_label": -1,
    "show_legend": False,  # the page has one that can be read aloud
    "include_x_axis": True,
    "no_prefix": True,
    "js": [],
}
_DROPPED = {"defs", "desc", "title", ET.Comment}


@dataclass(frozen=True)
class Bar:
    """A bar's height, and the interval that is drawn on it, if any."""

    value: float
    interval: tuple[float, float] | None = None

    @property
    def top(self) -> float:
        """How high it reaches, its interval included."""
        return self.interval[1] if self.interval else self.value


def bars(about: str, labels: Sequence[str], series: Mapping[str, Sequence[Bar]]) -> str:
    """Draw groups of bars, one bar of each series above each label; `about` is for the blind."""
    highest = max((bar.top for heights in series.values() for bar in heights), default=0)
    chart = pygal.Bar(range=(0, highest or 1), **_LOOK)
    chart.x_labels = labels
    for name, heights in series.items():
        chart.add(name, [_value(bar) for bar in heights])
    root = chart.render_tree()
    _strip(root)
    root.attrib |= {"role": "img", "aria-label": about}
    return ET.tostring(root, encoding="unicode")


def _value(bar: Bar) -> dict[str, object]:
    if bar.interval is None:
        return {"value": bar.value}
    return {"value": bar.value, "ci": dict(zip(("low", "high"), bar.interval, strict=True))}


def _strip(element: ET.Element) -> None:
    """Remove what a page has already, or must not have: ids, too, are the page's."""
    element.attrib.pop("id", None)
    for child in list(element):
        if child.tag in _DROPPED or "tooltip-overlay" in child.get("class", ""):
            element.remove(child)
        else:
            _strip(child)
