"""The pages for people; a browser looks at them in tests/integration."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from modelsystem_scorer.app import create_app
from modelsystem_scorer.engine.served import Served

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
FIGURE = {"mean": 0.2, "low": 0.1, "high": 0.3}
AT = {k: {"recall": FIGURE, "ndcg": FIGURE} for k in ("10", "20", "50")}
MEASURED = {"at": AT, "tail": [0.5, 0.25], "users": 9}


@pytest.mark.parametrize("accept", [None, "*/*", "text/plain", "text/*", "application/json", "x"])
def test_text_is_the_default(client: FlaskClient, accept: str | None) -> None:
    """The seed's two lines, unless HTML is wanted more."""
    answer = client.get("/", headers={"Accept": accept} if accept else {})
    assert answer.mimetype == "text/plain"
    assert answer.headers["Vary"] == "Accept"


@pytest.mark.parametrize("accept", [CHROME, "text/html", "text/html, text/plain;q=0.5"])
def test_a_browser_gets_a_page(client: FlaskClient, accept: str) -> None:
    """It names the build, and its policy lets nothing in from elsewhere."""
    answer = client.get("/", headers={"Accept": accept})
    assert answer.mimetype == "text/html"
    assert "<h1>Build" in answer.text
    assert "20180523.5" in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_need_nothing_from_elsewhere(client: FlaskClient, path: str) -> None:
    """Every file that a page asks for is here; nothing in it is a script or a style of its own."""
    text = client.get(path, headers={"Accept": "text/html"}).text
    asked = re.findall(r'<(?:script|link)[^>]+(?:src|href)="([^"]+)"', text)
    assert len(asked) >= 2
    for url in asked:
        assert url == "data:," or client.get(url).status_code == 200
    assert not re.search(r"<style|style=|<script>|onclick", text)
    assert client.get("/assets/no.css").status_code == 404


def test_docs_name_every_operation(client: FlaskClient) -> None:
    """What is in the document can be read on the page, its limits included."""
    text = client.get("/docs").text
    document: dict[str, Any] = client.get("/openapi.json").get_json()
    assert all(path in text for path in document["paths"])
    assert all(f'id="{name}"' in text for name in document["components"]["schemas"])
    assert "maximum 1000" in text


def with_facts(served: Served, monkeypatch: pytest.MonkeyPatch, **facts: Any) -> str:
    """Return the page of a model whose manifest says these things, too."""
    monkeypatch.setitem(served.published.manifest.model, "data", {})
    for name, value in facts.items():
        monkeypatch.setitem(served.published.manifest.model, name, value)
    return create_app(served).test_client().get("/", headers={"Accept": "text/html"}).text


def test_a_champion_is_shown(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there was one, recall and NDCG are those of the gate users, three bars each."""
    champion = {"build": "<b>1</b>", "metrics": MEASURED}
    gate = {"model": MEASURED, "popularity": MEASURED, "champion": champion}
    metrics = {"model": MEASURED, "popularity": MEASURED, "gate": gate}
    text = with_facts(served, monkeypatch, metrics=metrics)
    assert "Before: &lt;b&gt;1&lt;/b&gt;" in text
    assert text.count('<rect class="color-2"') == 6
    assert text.count("<svg") == 3


def test_a_model_without_evaluation_has_a_page(client: FlaskClient) -> None:
    """It says so."""
    assert "no evaluation" in client.get("/", headers={"Accept": "text/html"}).text


def test_nothing_in_a_model_is_markup(make_folder: Callable[..., Path], load: Any) -> None:
    """A build's name is text wherever it stands."""
    page = create_app(load(make_folder(build="<script>x</script>"))).test_client()
    text = page.get("/", headers={"Accept": "text/html"}).text
    assert "<script>x" not in text
    assert "&lt;script&gt;x" in text


def test_there_is_no_report_unless_the_model_has_one(client: FlaskClient) -> None:
    """The trainer writes one beside its models; this one was made without."""
    assert client.get("/report").status_code == 404
    assert "/report" not in client.get("/", headers={"Accept": "text/html"}).text


def test_the_report_is_the_models_file(
    served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is shown as it is, with a policy that lets no script run."""
    listed = [*served.published.manifest.model["files"]]
    listed.append({"name": "report.html", "size": 2, "sha256": "0" * 64})
    monkeypatch.setitem(served.published.manifest.model, "files", listed)
    report = served.published.attempt / "report.html"
    report.write_text("<p>ö", encoding="utf-8")
    try:
        answer = create_app(served).test_client().get("/report")
    finally:
        report.unlink()
    assert answer.text == "<p>ö"
    assert "script" not in answer.headers["Content-Security-Policy"]
    assert json.dumps(answer.status_code) == "200"
