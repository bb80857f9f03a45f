"""Plots of a model's evaluation, as the numbers that a template draws.

A plot is groups of bars; lengths are in the plot's own units, which the template scales.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 340.0, 190.0
_TOP, _BOTTOM, _LEFT = 18.0, 22.0, 2.0
_GAP = 0.28  # of a group's width, between groups
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Value:
    """How high a bar is, what is written on it, and its interval, if any."""

    height: float
    label: str
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Bar:
    """A bar as it is drawn; `low` and `high` are where its interval ends, 0 without one."""

    series: int
    x: float
    y: float
    width: float
    height: float
    label: str
    low: float
    high: float

    @property
    def middle(self) -> float:
        """Where its label and interval are."""
        return round(self.x + self.width / 2, 1)


@dataclass(frozen=True)
class Plot:
    """Groups of bars above labels; `series` names the bars of each group."""

    title: str
    series: Sequence[str]
    bars: Sequence[Bar]
    labels: Sequence[tuple[float, str]]
    width: float = WIDTH
    height: float = HEIGHT
    base: float = HEIGHT - _BOTTOM


def plot(title: str, labels: Sequence[str], series: Mapping[str, Sequence[Value]]) -> Plot:
    """Lay out one bar of each series above each label."""
    tops = [max((v.height, *(v.interval or ()))) for values in series.values() for v in values]
    scale = (HEIGHT - _TOP - _BOTTOM) / (max(tops, default=0) or 1)
    step = (WIDTH - _LEFT) / max(1, len(labels))
    width = step * (1 - _GAP) / max(1, len(series))
    bars = []
    for number, values in enumerate(series.values()):
        for place, value in enumerate(values):
            x = _LEFT + step * (place + _GAP / 2) + width * number
            bars.append(_bar(number, x, width * 0.92, value, scale))
    middles = [round(_LEFT + step * (place + 0.5), 1) for place in range(len(labels))]
    return Plot(title, list(series), bars, list(zip(middles, labels, strict=True)))


def _bar(series: int, x: float, width: float, value: Value, scale: float) -> Bar:
    base = HEIGHT - _BOTTOM
    low, high = value.interval or (0, 0)
    return Bar(
        series=series,
        x=round(x, 1),
        y=round(base - value.height * scale, 1),
        width=round(width, 1),
        height=round(value.height * scale, 1),
        label=value.label,
        low=round(base - low * scale, 1) if value.interval else 0,
        high=round(base - high * scale, 1) if value.interval else 0,
    )


def evaluation(metrics: Facts) -> list[Plot]:
    """Plot recall and NDCG at k, against popularity and, where there was one, the champion."""
    asked = _recommenders(metrics)
    lengths = sorted(asked["This build"]["at"], key=int)
    return [
        plot(
            title,
            [f"@{k}" for k in lengths],
            {name: [_estimate(of["at"][k][metric]) for k in lengths] for name, of in asked.items()},
        )
        for metric, title in (("recall", "Recall at k"), ("ndcg", "NDCG at k"))
    ]


def _recommenders(metrics: Facts) -> dict[str, Facts]:
    """Return what is compared: with a champion on the gate users, whom neither has learned from."""
    gate = metrics.get("gate", {})
    if "champion" not in gate:
        return {"This build": metrics["model"], "Popularity": metrics["popularity"]}
    return {
        "This build": gate["model"],
        f"Before: {gate['champion']['build']}": gate["champion"]["metrics"],
        "Popularity": gate["popularity"],
    }


def _estimate(estimate: Facts) -> Value:
    interval = (estimate["low"], estimate["high"])
    return Value(estimate["mean"], f"{estimate['mean']:.3f}".removeprefix("0"), interval)


def history_lengths(bands: Sequence[Facts]) -> Plot:
    """Plot how many users have how many items."""
    values = [Value(band["users"], _short(band["users"])) for band in bands]
    return plot("Users by number of their items", [_band(b) for b in bands], {"Users": values})


def long_tail(metrics: Facts) -> Plot:
    """Plot how many of the items are shown to anybody, from the most popular tenth on."""
    shares = {"This build": metrics["model"]["tail"], "Popularity": metrics["popularity"]["tail"]}
    labels = [f"{n}" for n in range(1, len(shares["This build"]) + 1)]
    series = {
        name: [Value(s, f"{s:.0%}" if name == "This build" else "") for s in of]
        for name, of in shares.items()
    }
    title = "Share of items shown to anybody, by tenths from the most popular to the least"
    return plot(title, labels, series)


def _band(band: Facts) -> str:
    first, last = band["first"], band["last"]
    if last is None:
        return f"{first}+"
    return str(first) if first == last else f"{first}–{last}"


def _short(count: int) -> str:
    if count < 10_000:
        return f"{count:,}"
    return f"{count / 1000:,.0f}k" if count < 1_000_000 else f"{count / 1_000_000:,.1f}M"
