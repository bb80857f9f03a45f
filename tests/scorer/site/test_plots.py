"""Bars: where they stand and how high they are."""

from itertools import pairwise

import pytest

from modelsystem_scorer.site.plots import HEIGHT, WIDTH, Value, history_lengths, plot


def test_bars_are_in_proportion() -> None:
    """Heights and intervals are to one scale; the highest end is within the plot."""
    bars = plot("", ["a", "b"], {"x": [Value(1, "1", (0.5, 2)), Value(2, "2")]}).bars
    assert bars[1].height == pytest.approx(2 * bars[0].height, abs=0.2)
    assert bars[0].high == bars[1].y
    assert bars[0].low - bars[0].high == pytest.approx(1.5 * bars[0].height, abs=0.2)
    assert all(bar.y > 0 and bar.y + bar.height < HEIGHT for bar in bars)


def test_bars_stand_side_by_side() -> None:
    """None covers another, and all are within the plot."""
    series = {name: [Value(1, "")] * 7 for name in "xyz"}
    bars = sorted(plot("", list("abcdefg"), series).bars, key=lambda bar: bar.x)
    assert len(bars) == 21
    assert all(one.x + one.width <= other.x for one, other in pairwise(bars))
    assert bars[0].x >= 0
    assert bars[-1].x + bars[-1].width <= WIDTH


def test_nothing_to_show_is_flat() -> None:
    """Zeros divide nothing, and no bars are fine."""
    assert plot("", ["a"], {"x": [Value(0, "0")]}).bars[0].height == 0
    assert not plot("", [], {"x": []}).bars


def test_bands_have_names() -> None:
    """One number, a range, or an open end; counts are short."""
    bands = [(1, 1, 999), (2, 5, 12_345), (6, None, 2_500_000)]
    told = history_lengths([{"first": f, "last": t, "users": u} for f, t, u in bands])
    assert [label for _, label in told.labels] == ["1", "2–5", "6+"]
    assert [bar.label for bar in told.bars] == ["999", "12k", "2.5M"]
