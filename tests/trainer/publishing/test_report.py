"""The report and its plots: deterministic, self-contained, complete, and safe with any data."""

import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_shared import settings
from modelsystem_shared.manifest import PLOTS, REPORT, ModelPart
from modelsystem_shared.profile import FIGURES, text_of
from modelsystem_trainer import profile, training
from modelsystem_trainer.evaluation import Champion, measure_on_gate
from modelsystem_trainer.fit import Parameters
from modelsystem_trainer.ingest import Interactions
from modelsystem_trainer.publishing import Result, colours, plots, record, report
from modelsystem_trainer.publishing.plots import Bar
from modelsystem_trainer.settings import Settings
from modelsystem_trainer.training import Plan

Read = Callable[..., Interactions]
EVIL = "<script>alert('&')</script>"
SVG = "{http://www.w3.org/2000/svg}"


class Tags(HTMLParser):
    """Collects the tags of a page, and the values of all their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.values: list[str] = []
        self.ids: list[str | None] = []
        self.sources: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.values += [value or "" for _, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        self.sources += [value or "" for name, value in attrs if name == "src"]


@pytest.fixture(scope="session")
def page(trained: Any) -> str:
    """Read the report that a training published."""
    text: str = (trained.published.attempt / REPORT).read_text(encoding="utf-8")
    return text


@pytest.fixture(scope="session")
def make_part(read: Read) -> Callable[..., ModelPart]:
    """Train on a small export, and return the manifest's part about the model."""

    def make(text: str, build: str = "7", tenant: str = "", champion: str = "") -> ModelPart:
        data = read({"a.csv": text})
        environ = {"MODELFOLDER": "/m", "CSV_FOLDER": "/x", "BUILDNUMBER": build}
        values = settings.read(Settings, environ | {"TENANTID": tenant})
        trained = training.train(data, Plan(5, Parameters()), lambda *_: None)
        against = Champion(champion, "0" * 64, trained.model) if champion else None
        gate = measure_on_gate(trained.model, trained.counts, trained.n_users, against)
        described = profile.profiled(data, against, values.rules)
        return record.model_part(values, Result(data, described, trained, gate))

    return make


def made(part: ModelPart) -> tuple[str, dict[str, bytes]]:
    """Return the report and the plots of a model."""
    drawn = plots.drawn(part)
    return report.page(part, drawn).decode(), drawn


def test_they_are_files_of_the_model(trained: Any) -> None:
    """The manifest lists them, and they can be made again from the manifest alone."""
    published = trained.published
    page, drawn = made(published.manifest.model)
    names = {file.name for file in published.manifest.files}
    assert names - {name for name in names if name.endswith(".npy")} == {REPORT, *drawn}
    assert (published.attempt / REPORT).read_text(encoding="utf-8") == page
    assert {name: (published.attempt / name).read_bytes() for name in drawn} == drawn
    assert list(drawn) == [name for name in PLOTS if name != "plot_champion.svg"]


def test_they_tell_nothing_of_time_host_or_place(
    trained: Any, page: str, clustered_export: Path
) -> None:
    """Values that differ between two trainings of the same data are absent."""
    run = trained.published.manifest.run
    for text in (
        page,
        *(content.decode() for content in made(trained.published.manifest.model)[1].values()),
    ):
        for part in (str(clustered_export), run["host"], run["attempt"], run["started"][:10]):
            assert part not in text
        days = trained.published.manifest.model["data"]["profile"]
        known = {days["first"][:10], days["last"][:10]}
        assert set(re.findall(r"20\d\d-\d\d-\d\d", text)) <= known


def test_the_page_needs_no_other_file(page: str) -> None:
    """No script, no link, no address, no image but those in the page; and it is small."""
    tags = Tags(page)
    assert not {"script", "link", "iframe", "a"} & set(tags.names)
    assert not any("://" in value or value.startswith("//") for value in tags.values)
    assert not re.search(r"url\(|@import", page)
    assert len(tags.ids) == len(set(tags.ids))
    assert len(page.encode()) < 200_000
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page


def test_the_page_shows_the_plots(trained: Any, page: str) -> None:
    """Each drawing is in the page, with its caption as its text."""
    drawn = made(trained.published.manifest.model)[1]
    tags = Tags(page)
    assert set(tags.sources) == {report._data_url(content) for content in drawn.values()}
    assert {PLOTS[name] for name in drawn} <= set(tags.values)


def test_the_page_shows_the_figures_of_the_manifest(trained: Any, page: str) -> None:
    """Means and intervals to four places, and the number of users."""
    metrics = trained.published.manifest.model["metrics"]
    for of in (metrics["model"], metrics["popularity"], metrics["gate"]["model"]):
        for figures in of["at"].values():
            for name in ("recall", "ndcg", "novelty"):
                figure = figures[name]
                interval = f"<small>{figure['low']:.4f}–{figure['high']:.4f}"
                assert f"{figure['mean']:.4f} {interval}" in page
    assert f"measured on {metrics['model']['users']} users" in page
    assert "20180523.5" not in page


def test_the_page_shows_the_profile(trained: Any, page: str) -> None:
    """Figures with their meanings, the verdict, the first and the last day."""
    described = trained.published.manifest.model["data"]["profile"]
    for name in ("rows", "largest_item", "titles_fit", "span"):
        value = text_of(name, described["figures"][name])
        assert f"<tr><th>{name}</th><td>{value}</td><td>{FIGURES[name].meaning}" in page
    assert f"From {described['first'][:10]} to {described['last'][:10]}." in page
    assert "These figures break no rule." in page


def test_the_page_says_latest_of_data_with_times_only(
    make_part: Callable[..., ModelPart], page: str
) -> None:
    """Without times a hash decides what is held out, and the page says so."""
    rows = "user_id,item_id\n" + "\n".join(f"u{n},{i}" for n in range(30) for i in "abc")
    untimed, _ = made(make_part(rows))
    for text in ("Each user's latest interactions are held out", "<th>Earlier items</th>"):
        assert text in page
        assert text not in untimed
    assert "chosen by a hash" in untimed
    assert "<th>Other items</th>" in untimed
    assert "From None" not in untimed


def test_the_page_shows_the_champions_figures_and_broken_rules(
    make_part: Callable[..., ModelPart],
) -> None:
    """A rule that is broken is a sentence of its own."""
    rows = "user_id,item_id\n" + "\n".join(f"u,{i}" for i in "abc")
    text, _ = made(make_part(rows, champion="6"))
    assert "<th>Champion</th>" in text
    assert "largest_user is 100 %, at most 20 % is allowed" in text


def test_the_page_does_not_tell_how_the_rows_were_cut_into_files(
    make_part: Callable[..., ModelPart],
) -> None:
    """The same rows make the same model: rules on files are in the manifest only."""
    part = make_part(
        "user_id,item_id,ts\n" + "\n".join(f"u{n},{i},1" for n in range(9) for i in "ab")
    )
    described = part["data"]["profile"]
    assert [o["figure"] for o in described["verdict"] if o["is_kept"] is False] == ["lookalikes"]
    text, _ = made(part)
    assert "lookalikes" not in text
    assert "These figures break no rule." in text


def test_names_are_text(make_part: Callable[..., ModelPart]) -> None:
    """Markup in a tenant or a champion's build is shown, not obeyed."""
    rows = "user_id,item_id\n" + "\n".join(f"gate-{n},{i}" for n in range(300) for i in "abc")
    page, drawn = made(make_part(rows, EVIL, EVIL, EVIL))
    assert "script" not in Tags(page).names
    assert page.count("&lt;script&gt;") >= 2
    missing = {"plot_days.svg", "plot_search.svg"}  # without times, with given parameters
    assert list(drawn) == [name for name in PLOTS if name not in missing]


some_pairs = st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1)


@hypothesis.settings(max_examples=25)  # each trains, and draws all plots
@given(some_pairs, st.sampled_from(["", "6"]))
def test_any_small_export_has_a_report(
    make_part: Callable[..., ModelPart],
    gate_ids: list[str],
    pairs: set[tuple[int, int]],
    champion: str,
) -> None:
    """Also with one user, one item, nothing held out, or gate users only."""
    users = [*gate_ids[:3], "u", "v", "w"]
    text = "\n".join(["user_id,item_id", *(f"{users[u]},i{i}" for u, i in pairs)])
    page, drawn = made(make_part(text, champion=champion))
    assert not re.search(r"\bnan\b", re.sub(r"data:[^\"]*", "", page))
    for drawing in drawn.values():
        assert not re.search(rb"\bnan\b", drawing)
        ET.fromstring(drawing)


def test_a_plot_has_its_bars_and_intervals() -> None:
    """Each value is a bar of its height; an interval is a mark on it."""
    series = {"First": [Bar(1.0, (0.5, 2.0)), Bar(2.0)], "Second": [Bar(0.0), Bar(1.0)]}
    drawing = plots.draw("What it shows", ["a", "b"], series)
    root = ET.fromstring(drawing)
    bars = [rect for rect in root.iter(f"{SVG}rect") if rect.get("fill") in colours.SERIES]
    heights = [float(bar.get("height", "")) for bar in bars if bar.get("clip-path")]
    assert heights[0] * 2 == pytest.approx(heights[1], rel=1e-4)
    assert heights[2:] == pytest.approx([0, heights[0]], rel=1e-4)
    marks = [path for path in root.iter(f"{SVG}path") if path.get("marker-start")]
    assert len(marks) == 1
    (middle, low), (_, high) = (
        tuple(map(float, point.split(","))) for point in marks[0].get("d", "")[2:].split(" L ")
    )
    base = float(bars[0].get("y", "")) + heights[0]
    assert middle == pytest.approx(
        float(bars[0].get("x", "")) + float(bars[0].get("width", "")) / 2, abs=0.01
    )
    assert [(base - y) / heights[0] for y in (low, high)] == pytest.approx([0.5, 2.0], rel=1e-3)
    assert root.get("aria-label") == "What it shows"
    texts = {text.text for text in root.iter(f"{SVG}text")}
    assert {"a", "b", "First", "Second"} <= texts


def test_a_plot_is_for_an_image() -> None:
    """No script, no other file, a size, and a dark colour for each colour in it."""
    drawing = plots.draw("odd", ["a"], {"First": [Bar(1.0, (0.5, 2.0))], "Second": [Bar(1.0)]})
    root = ET.fromstring(drawing)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "style", "defs", "clipPath", "marker", "rect", "path", "text"),
    }
    assert "://" not in drawing.decode().replace("http://www.w3.org/2000/svg", "")
    assert (root.get("width"), root.get("height")) == ("460", "250")
    paints = {element.get(paint) for element in root.iter() for paint in ("fill", "stroke")}
    assert paints - {None, "none"} <= colours.DARK.keys()
    assert "prefers-color-scheme: dark" in drawing.decode()


def test_a_plot_is_the_same_every_time(tmp_path: Path) -> None:
    """Drawn again, and in a process where the library's optional fonts seem to be installed."""
    series = {"First": [Bar(1.0, (0.5, 2.0)), Bar(2.0)]}
    drawing = plots.draw("odd", ["a", "b"], series)
    assert plots.draw("odd", ["a", "b"], series) == drawing
    code = (
        "import sys; from modelsystem_trainer.publishing.plots import Bar, draw; "
        "series = {'First': [Bar(1.0, (0.5, 2.0)), Bar(2.0)]}; "
        "sys.stdout.buffer.write(draw('odd', ['a', 'b'], series))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, cwd=tmp_path
    )
    assert done.stdout == drawing


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [1e-9], [1e12, 1.0]])
def test_odd_values_can_be_drawn(values: list[float]) -> None:
    """No bars, bars without height, tiny and huge ones."""
    labels = [str(value) for value in values]
    drawing = plots.draw("odd", labels, {"First": [Bar(value) for value in values]})
    assert not re.search(rb"\bnan\b", drawing)
    ET.fromstring(drawing)
