"""The report: deterministic, self-contained, honest, and safe whatever the data holds."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pygal.etree
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_shared import settings
from modelsystem_trainer import training
from modelsystem_trainer.evaluation import gate
from modelsystem_trainer.evaluation.gate import Champion
from modelsystem_trainer.fit import Parameters
from modelsystem_trainer.ingest.interactions import Interactions
from modelsystem_trainer.publishing import charts, record, report
from modelsystem_trainer.publishing.charts import Bar
from modelsystem_trainer.settings import Settings
from modelsystem_trainer.training import Plan

Read = Callable[..., Interactions]
EVIL = "<script>alert('&')</script>"


class Tags(HTMLParser):
    """Collects the tags of a page, and the values of all their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.values: list[str] = []
        self.ids: list[str | None] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.values += [value or "" for name, value in attrs if name != "xmlns"]
        self.ids += [value for name, value in attrs if name == "id"]


@pytest.fixture(scope="session")
def page(trained: Any) -> str:
    """Read the report that a training published."""
    text: str = (trained.published.attempt / report.NAME).read_text(encoding="utf-8")
    return text


@pytest.fixture(scope="session")
def facts(read: Read) -> Callable[..., dict[str, Any]]:
    """Train on a small export, and return what is told of it."""

    def make(text: str, build: str = "7", tenant: str = "", champion: str = "") -> dict[str, Any]:
        data = read({"a.csv": text})
        environ = {"MODELFOLDER": "/m", "CSV_FOLDER": "/x", "BUILDNUMBER": build}
        chosen = settings.read(Settings, environ | {"TENANTID": tenant})
        trained = training.train(data, Plan(5, Parameters(), 1), lambda *_: None)
        against = Champion(champion, "0" * 64, trained.model) if champion else None
        return record.facts(chosen, data, trained, gate.ask(trained.model, trained.counts, against))

    return make


def test_it_is_a_file_of_the_model(trained: Any) -> None:
    """The manifest lists it, and it can be made again from the manifest alone."""
    found = trained.published
    assert report.NAME in {file.name for file in found.manifest.files}
    assert report.page(found.manifest.model) == (found.attempt / report.NAME).read_bytes()


def test_it_tells_nothing_of_time_host_or_place(
    trained: Any, page: str, clustered_export: Path
) -> None:
    """What differs between two trainings of the same data is not in it."""
    run = trained.published.manifest.run
    for part in (str(clustered_export), run["host"], run["attempt"], run["started"][:10]):
        assert part not in page
    assert not re.search(r"20\d\d-\d\d-\d\d", page)


def test_it_needs_nothing_else(page: str) -> None:
    """No script, no image, no link, no address, no id twice; and it is small."""
    tags = Tags(page)
    assert not {"script", "link", "img", "iframe", "a"} & set(tags.names)
    assert not any("://" in value or value.startswith("//") for value in tags.values)
    assert not re.search(r"url\(|@import", page)
    assert len(tags.ids) == len(set(tags.ids))
    assert len(page.encode()) < 200_000
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page


def test_it_shows_the_figures_of_the_manifest(trained: Any, page: str) -> None:
    """Means and intervals to four places, and the number of users."""
    metrics = trained.published.manifest.model["metrics"]
    for of in (metrics["model"], metrics["popularity"], metrics["gate"]["model"]):
        for figures in of["at"].values():
            for name in ("recall", "ndcg", "novelty"):
                told = figures[name]
                assert f"{told['mean']:.4f} <small>{told['low']:.4f} to {told['high']:.4f}" in page
    assert f"measured on {metrics['model']['users']} users" in page
    assert "20180523.5" not in page


def test_names_are_text(facts: Callable[..., dict[str, Any]]) -> None:
    """Markup in a tenant or a champion's build is shown, not obeyed."""
    rows = "user_id,item_id\n" + "\n".join(f"gate-{n},{i}" for n in range(300) for i in "abc")
    text = report.page(facts(rows, EVIL, EVIL, EVIL)).decode()
    assert "script" not in Tags(text).names
    assert text.count("&lt;script&gt;") >= 2


some_pairs = st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1)


@given(some_pairs, st.sampled_from(["", "6"]))
def test_any_small_export_has_a_report(
    facts: Callable[..., dict[str, Any]],
    gate_ids: list[str],
    pairs: set[tuple[int, int]],
    champion: str,
) -> None:
    """One user, one item, nobody to ask, nobody but gate users: it is made, and well-formed."""
    users = [*gate_ids[:3], "u", "v", "w"]
    text = "\n".join(["user_id,item_id", *(f"{users[u]},i{i}" for u, i in pairs)])
    made = report.page(facts(text, champion=champion)).decode()
    assert "nan" not in made.replace("tenants", "")
    for chart in re.findall(r"<svg.*?</svg>", made, re.DOTALL):
        ET.fromstring(chart)


def test_a_chart_has_its_bars_and_intervals() -> None:
    """Each value is a bar of its height; an interval is a mark on it; nothing else is kept."""
    series = {"one": [Bar(1.0, (0.5, 2.0)), Bar(2.0)], "two": [Bar(0.0), Bar(1.0)]}
    chart = charts.bars("What it shows", ["a", "b"], series)
    root = ET.fromstring(chart)
    heights = [
        float(rect.get("height", ""))
        for rect in root.iter()
        if rect.get("class") == "rect reactive tooltip-trigger"
    ]
    assert heights[0] * 2 == pytest.approx(heights[1])
    assert heights[2:] == pytest.approx([0, heights[0]])
    assert chart.count('class="ci"') == 1
    assert root.get("aria-label") == "What it shows"
    assert charts.bars("What it shows", ["a", "b"], series) == chart
    assert not re.search("style|script|tooltip-overlay|<!--| id=", chart)


def test_charts_do_not_depend_on_what_else_is_installed() -> None:
    """The charts are made by the standard library, whether or not lxml is there."""
    assert not pygal.etree.etree.lxml
    assert pygal.etree.etree.Element is ET.Element


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [1e-9], [1e12, 1.0]])
def test_a_chart_of_odd_values_is_a_chart(values: list[float]) -> None:
    """No bars, bars without height, tiny and huge ones."""
    chart = charts.bars("odd", [str(value) for value in values], {"one": [Bar(v) for v in values]})
    assert "nan" not in chart
    ET.fromstring(chart)
