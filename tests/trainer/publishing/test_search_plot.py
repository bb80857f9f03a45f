"""The drawing of the search."""

from xml.etree import ElementTree as ET

import pytest

from modelsystem_shared.manifest import Searched
from modelsystem_trainer.publishing import search_plot

SVG = "{http://www.w3.org/2000/svg}"
TRIES: list[dict[str, float | str]] = [
    {"ndcg": 0.10, "fits": 1, "path": "a weak ridge"},
    {"ndcg": 0.12, "fits": 1, "path": "a weak ridge"},
    {"ndcg": 0.01, "fits": 2, "path": "a strong ridge"},
    {"ndcg": 0.13, "fits": 3, "path": "low-rank term"},
]
SEARCHED: Searched = {
    "starts": [],
    "fits": 3,
    "work": 42.5,
    "tries": 4,
    "most_work": 80.0,
    "k": 50,
    "chosen": 3,
    "runner_up": 1,
    "difference": {"mean": 0.01, "low": 0.004, "high": 0.016},
}


def test_it_shows_tries_choice_and_runner_up() -> None:
    """A dot for each try near the best, a line for each new fit, two rings and an interval."""
    root = ET.fromstring(search_plot.draw("The search", TRIES, SEARCHED))  # ours
    dots = [path.get("d", "") for path in root.iter(f"{SVG}path")]
    assert [dot.count("M") for dot in dots] == [1, 0, 1]  # .10 and .01 are far below .13
    rings = list(root.iter(f"{SVG}circle"))
    assert [ring.get("r") for ring in rings] == ["5", "4"]
    vertical = [line for line in root.iter(f"{SVG}line") if line.get("x1") == line.get("x2")]
    assert len(vertical) == 3
    assert root.get("aria-label") == "The search"


def test_the_best_so_far_never_falls() -> None:
    """The line goes from the first try to the best one; upwards is less in SVG."""
    root = ET.fromstring(search_plot.draw("", TRIES, SEARCHED))  # ours
    [line] = root.iter(f"{SVG}polyline")
    heights = [float(point.partition(",")[2]) for point in line.get("points", "").split()]
    assert len(heights) == 4
    assert heights == sorted(heights, reverse=True)


@pytest.mark.parametrize("ndcg", [0.0, 0.3])
def test_a_single_try_can_be_drawn(ndcg: float) -> None:
    """Too little data for a search gives one try, of 0."""
    only: Searched = {**SEARCHED, "chosen": 0, "tries": 1, "fits": 1}
    del only["runner_up"], only["difference"]
    drawing = search_plot.draw("", [{"ndcg": ndcg, "fits": 1, "path": ""}], only)
    assert b"nan" not in drawing
