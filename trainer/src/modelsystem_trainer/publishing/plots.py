"""The plots of a model's evaluation and data: SVG files for the report and the front page.

Each is a drawing for `<img>`: it needs no script, font or other file, and has the same bytes
whenever it is drawn. A style sheet in it replaces the colours if the page is dark.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree as ET

import ziaplot
from ziaplot import Bars, ErrorBar, Graph

from modelsystem_shared.manifest import (
    PLOTS,
    Band,
    Data,
    Evaluation,
    HistoryBand,
    Interval,
    Metrics,
    ModelPart,
)
from modelsystem_shared.profile import Band as ItemBand
from modelsystem_shared.profile import Profile
from modelsystem_trainer.publishing import calendar, search_plot
from modelsystem_trainer.publishing.colours import INK, LINE, SERIES, dark_style

ziaplot.config.text = "text"  # not as paths, whether or not its optional fonts are installed
_WIDTH, _HEIGHT = 460, 250  # a phone shows this at nearly its own size
_GROUP = 0.8  # of the distance between two groups is filled by bars
_HEADROOM = 0.1  # of the highest bar, above it, for each line of the key
_K = "20"
_LOOK = f"""
Graph {{ color: none; edge_color: {LINE}; edge_width: 1; }}
Graph.TickX {{ color: {INK}; stroke_width: 0; font_size: 13; height: 2; pad: 0; }}
Graph.TickY {{ color: {INK}; stroke_width: 0; font_size: 13; height: 9; margin: 1; pad: 0; }}
Graph.GridX {{ color: none; }}
Graph.GridY {{ color: {LINE}; stroke: solid; }}
Graph.Legend {{ edge_color: none; pad: 2; font_size: 13; }}
Graph.LegendText {{ color: {INK}; font_size: 13; }}
Bars {{ edge_width: 0; edge_color: none; }}
ErrorBar {{ color: none; }}
ErrorBar.MarkerYError {{ color: {INK}; stroke_width: 1; radius: 5; }}
"""


@dataclass(frozen=True)
class Bar:
    """A bar's height, and the interval that is drawn on it, if any."""

    value: float
    interval: tuple[float, float] | None = None

    @property
    def top(self) -> float:
        """The height, its interval included."""
        return self.interval[1] if self.interval else self.value


Series = Mapping[str, Sequence[Bar]]


def drawn(part: ModelPart) -> dict[str, bytes]:
    """Return the content of each plot that a manifest has figures for, in the order of `PLOTS`."""
    metrics, data = part["metrics"], part["data"]
    contents = {
        name: draw(PLOTS[name], labels, series)
        for name, (labels, series) in _plots(metrics, data).items()
    }
    profile = data.get("profile")
    if profile and profile["days"]:
        contents["plot_days.svg"] = calendar.draw(PLOTS["plot_days.svg"], profile["days"])
    if "searched" in part:
        name = "plot_search.svg"
        contents[name] = search_plot.draw(PLOTS[name], part["search"], part["searched"])
    return {name: contents[name] for name in PLOTS if name in contents}


def draw(caption: str, labels: Sequence[str], series: Series) -> bytes:
    """Draw groups of bars: one bar of each series above each label."""
    graph = Graph().size(_WIDTH, _HEIGHT).css(_LOOK)
    for number, (name, bars) in enumerate(series.items()):
        if bars:
            _add(graph, number, len(series), name, bars)
    highest = max((bar.top for bars in series.values() for bar in bars), default=0) or 1
    graph.xrange(-0.5, max(len(labels), 1) - 0.5).xticks(range(len(labels)), labels)
    graph.showxticks = bool(labels)
    key_lines = len(series) if len(series) > 1 else 0
    graph.yrange(0, highest * (1.06 + _HEADROOM * key_lines))
    graph.legend("topright" if key_lines else "none")
    root = graph.svgxml()
    root.attrib |= {"role": "img", "aria-label": caption}
    root.insert(0, dark_style())
    return ET.tostring(root, encoding="unicode").encode() + b"\n"


def _add(graph: Graph, number: int, count: int, name: str, bars: Sequence[Bar]) -> None:
    """Add the bars of series `number` of `count`, and their intervals."""
    width = _GROUP / count
    first = -_GROUP / 2 + width * (number + 0.5)
    places = [first + group for group in range(len(bars))]
    heights = [bar.value for bar in bars]
    graph.add(Bars(places, heights, width=width * 0.94).color(SERIES[number]).name(name))
    intervals = [(x, *bar.interval) for x, bar in zip(places, bars, strict=True) if bar.interval]
    if intervals:
        middles = [(low + high) / 2 for _, low, high in intervals]
        halves = [(high - low) / 2 for _, low, high in intervals]
        graph.add(ErrorBar([x for x, _, _ in intervals], middles, yerr=halves))


def _plots(metrics: Evaluation, data: Data) -> dict[str, tuple[list[str], Series]]:
    """Return labels and series of each plot that these figures have."""
    model, popularity = metrics["model"], metrics["popularity"]
    of_test = {"Model": model, "Popularity": popularity}
    plots = {
        "plot_recall.svg": _at_each_length("recall", of_test),
        "plot_ndcg.svg": _at_each_length("ndcg", of_test),
        "plot_history.svg": _by_history(of_test),
        "plot_tail.svg": _tail(of_test),
        "plot_users.svg": _users(data["history_lengths"]),
    }
    if "profile" in data:
        plots["plot_items.svg"] = _items(data["profile"])
    gate = metrics["gate"]
    if "champion" in gate:
        on_gate = {
            "Model": gate["model"],
            "Popularity": gate["popularity"],
            "Champion": gate["champion"]["metrics"],
        }
        plots["plot_champion.svg"] = _at_each_length("ndcg", on_gate)
    return plots


def _at_each_length(
    metric: Literal["recall", "ndcg"], recommenders: Mapping[str, Metrics]
) -> tuple[list[str], Series]:
    lengths = sorted(next(iter(recommenders.values()))["at"], key=int)
    series = {
        name: [_bar(metrics["at"][k][metric]) for k in lengths]
        for name, metrics in recommenders.items()
    }
    return [f"@{k}" for k in lengths], series


def _by_history(recommenders: Mapping[str, Metrics]) -> tuple[list[str], Series]:
    bands = {
        name: [band for band in metrics["by_history"] if band["users"]]
        for name, metrics in recommenders.items()
    }
    labels = [band_label(band) for band in bands["Model"]]
    series = {
        name: [_bar(band["at"][_K]["ndcg"]) for band in of_users]
        for name, of_users in bands.items()
    }
    return labels, series


def _tail(recommenders: Mapping[str, Metrics]) -> tuple[list[str], Series]:
    count = len(recommenders["Model"]["tail"])
    labels = [f"{tenth * 100 // count} %" for tenth in range(1, count + 1)]
    series = {
        name: [Bar(share) for share in metrics["tail"]] for name, metrics in recommenders.items()
    }
    return labels, series


def _users(bands: Sequence[HistoryBand]) -> tuple[list[str], Series]:
    return [band_label(band) for band in bands], {"Users": [Bar(band["users"]) for band in bands]}


def _items(profile: Profile) -> tuple[list[str], Series]:
    bands = profile["users_of_items"]
    return [band_label(band) for band in bands], {"Items": [Bar(band["items"]) for band in bands]}


def band_label(band: HistoryBand | Band | ItemBand) -> str:
    """Return the numbers of a band: `1`, `2–5` or `101+`."""
    first, last = band["first"], band["last"]
    if last is None:
        return f"{first}+"
    return str(first) if first == last else f"{first}–{last}"


def _bar(estimate: Interval) -> Bar:
    return Bar(estimate["mean"], (estimate["low"], estimate["high"]))
