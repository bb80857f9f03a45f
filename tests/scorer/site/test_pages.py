"""The pages for people; a browser opens them in tests/integration."""

import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from flask.testing import FlaskClient

from modelsystem_scorer.app import create_app
from modelsystem_scorer.engine import ServedModel
from modelsystem_shared.manifest import PLOTS, REPORT
from modelsystem_shared.profile import FIGURES

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
HTML = {"Accept": "text/html"}
Describe = Callable[..., FlaskClient]


def metrics(mean: float) -> dict[str, Any]:
    """Return the figures of one recommender on 1,234 users."""
    figure = {"mean": mean, "low": mean - 0.01, "high": mean + 0.01}
    at = {k: {"recall": figure, "ndcg": figure} for k in ("10", "20", "50")}
    return {"users": 1234, "at": at}


@pytest.fixture
def describe(load: Callable[..., ServedModel], copied_folder: Path) -> Describe:
    """Return a function that makes a client of a model with more facts in its manifest."""
    served = load(copied_folder)

    def describe(**facts: Any) -> FlaskClient:
        served.published.manifest.model.update(**facts)  # type: ignore[typeddict-item]  # any facts
        return create_app(served).test_client()

    return describe


@pytest.fixture
def with_files(describe: Describe, copied_folder: Path) -> Describe:
    """Return a function that makes a client of a model with these files beside its arrays."""

    def with_files(**contents: str) -> FlaskClient:
        attempt = next(copied_folder.glob("attempt-*"))
        files = [{"name": "items.ends.npy", "size": 1, "sha256": "0" * 64}]
        for name, content in contents.items():
            (attempt / name).write_text(content, encoding="utf-8")
            files.append({"name": name, "size": len(content), "sha256": "0" * 64})
        return describe(files=files)

    return with_files


@pytest.mark.parametrize("accept", [None, "*/*", "text/plain", "text/*", "application/json", "x"])
def test_text_is_the_default(client: FlaskClient, accept: str | None) -> None:
    """The seed's two lines, unless the client prefers HTML."""
    answer = client.get("/", headers={"Accept": accept} if accept else {})
    assert answer.mimetype == "text/plain"
    assert answer.headers["Vary"] == "Accept"


@pytest.mark.parametrize("accept", [CHROME, "text/html", "text/html, text/plain;q=0.5"])
def test_a_browser_gets_a_page(client: FlaskClient, accept: str) -> None:
    """It names the build, and its policy allows nothing from another site."""
    answer = client.get("/", headers={"Accept": accept})
    assert answer.mimetype == "text/html"
    assert answer.headers["Vary"] == "Accept"
    assert "<h1>Build" in answer.text
    assert "20180523.5" in answer.text
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "img-src 'self' data:"} <= {*policy}
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_a_model_without_histories_is_asked_by_items(
    load: Callable[..., ServedModel], make_folder: Callable[..., Path]
) -> None:
    """The page does not let a person ask for a user whom the model cannot know; /v2 answers."""
    client = create_app(load(make_folder(histories=False))).test_client()
    page = client.get("/", headers=HTML).text
    assert 'placeholder="this model has no histories" disabled>' in page
    assert "pick or type a user id" not in page
    inputs = [{"name": "user_id", "datatype": "BYTES", "shape": [1], "data": ["user-1"]}]
    answer = client.post("/v2/models/modelsystem/infer", json={"inputs": inputs}).get_json()
    fallback = next(out for out in answer["outputs"] if out["name"] == "fallback")
    assert fallback["data"] == [True]


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_need_nothing_from_another_site(client: FlaskClient, path: str) -> None:
    """Every file that a page loads is here; no script and no style is inside it."""
    text = client.get(path, headers=HTML).text
    urls = re.findall(r'<(?:script|link)[^>]+(?:src|href)="([^"]+)"', text)
    assert len(urls) >= 2
    for url in urls:
        assert url == "data:," or client.get(urljoin(path, url)).status_code == 200
    assert not re.search(r"<style|style=|<script>|onclick", text)
    assert client.get("/assets/no.css").status_code == 404


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_do_not_know_where_they_are(with_files: Describe, path: str) -> None:
    """Every link is relative, so that a page works behind a prefix and behind TLS."""
    client = with_files(**{REPORT: "<p>", **dict.fromkeys(PLOTS, "<svg></svg>")})
    text = client.get(path, headers=HTML | {"Host": "inside.example"}).text
    urls = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert len(urls) > 5
    assert not [url for url in urls if url.startswith(("/", "http"))]
    assert "inside.example" not in text
    for script in ("page.js", "docs.js"):
        assert not re.search(r"[\"'`](?:/\w|https?:)", client.get(f"/assets/{script}").text)


def test_docs_are_of_the_installed_swagger_ui(client: FlaskClient) -> None:
    """Its files are those of the package, unchanged, beside an introduction of ours."""
    for name in ("swagger-ui.css", "swagger-ui-bundle.js"):
        answer = client.get(f"/assets/{name}")
        assert answer.data == files("flask_swagger_ui").joinpath("dist", name).read_bytes()
    page = client.get("/docs")
    assert "The model of a site never changes." in page.text
    assert "v1/users/USER/recommendations" in page.text
    assert "unsafe" not in page.headers["Content-Security-Policy"]


def rows(page: str) -> dict[str, list[str]]:
    """Return the cells of each row of the page's table of figures."""
    return {
        name: [re.sub(r"</?small>", "", cell) for cell in re.findall(r"<td>(.*?)</td>", cells)]
        for name, cells in re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', page)
    }


def test_the_figures_are_a_table(describe: Describe) -> None:
    """Recall and NDCG of the model and of popularity, with intervals, on all users."""
    evaluation = {"model": metrics(0.2), "popularity": metrics(0.1), "gate": {"users": 9}}
    page = describe(metrics=evaluation).get("/", headers=HTML).text
    assert "1,234 users" in page
    assert re.findall(r'<th scope="col">(.*?)</th>', page) == ["Model", "Popularity"]
    lengths = (10, 20, 50)
    assert [*rows(page)] == [f"{name}@{k}" for name in ("Recall", "NDCG") for k in lengths]
    assert rows(page)["NDCG@20"] == ["0.200 0.190–0.210", "0.100 0.090–0.110"]


def test_a_champion_is_shown(describe: Describe) -> None:
    """With a champion the figures are those of the gate users, three in each row."""
    champion = {"build": "<b>1</b>", "metrics": metrics(0.3)}
    gate = {"users": 9, "model": metrics(0.4), "popularity": metrics(0.1), "champion": champion}
    evaluation = {"model": metrics(0.2), "popularity": metrics(0.1), "gate": gate}
    page = describe(metrics=evaluation).get("/", headers=HTML).text
    assert "9 gate users" in page
    assert "the champion is build &lt;b&gt;1&lt;/b&gt;" in page
    assert re.findall(r'<th scope="col">(.*?)</th>', page) == ["Model", "Champion", "Popularity"]
    assert [cell[:5] for cell in rows(page)["Recall@50"]] == ["0.400", "0.300", "0.100"]


def test_a_model_without_evaluation_has_a_page(client: FlaskClient) -> None:
    """It says that there is none."""
    page = client.get("/", headers=HTML).text
    assert "no evaluation" in page
    assert "<table" not in page
    assert "<img" not in page


def data(**changes: Any) -> dict[str, Any]:
    """Return what a manifest says of its data, with a profile."""
    described = {
        "files": [
            {
                "name": "a<b>.csv",
                "kind": "interactions",
                "bytes": 1234,
                "rows": 50,
                "rows_rejected": 1,
                "columns": {"user_id": "userId"},
                "unused": ["Genre"],
                "first": "2018-05-08T00:00:00+00:00",
                "last": "2018-05-09T00:00:00+00:00",
            }
        ]
        * 21,
        "left_out": [{"reason": "begins with _ or .", "count": 3, "names": ["_SUCCESS"]}],
        "figures": {"rows": 1050.0, "titles_fit": 0.5},
        "examples": {},
        "first": "2018-05-08T00:00:00+00:00",
        "last": "2018-05-09T00:00:00+00:00",
        "days": None,
        "users_of_items": [],
        "verdict": [{"rule": "warn rows >= 5", "level": "warn", "is_kept": True, "sentence": ""}],
    }
    counts = dict.fromkeys(("users", "items", "interactions", "rows", "rows_rejected"), 7)
    return counts | {"files": [], "profile": described | changes}


def test_the_profile_of_the_data_is_shown(describe: Describe) -> None:
    """Figures with their meanings, files, and what was left out; all of it is text."""
    page = describe(data=data()).get("/", headers=HTML).text
    assert "The data breaks none of its 1 rules." in page
    assert rows(page)["titles_fit"] == ["50 %", FIGURES["titles_fit"].meaning]
    assert rows(page)["a&lt;b&gt;.csv"] == [
        *("50", "1", "1,234", "2018-05-08 to 2018-05-09", "userId", "Genre"),
    ]
    assert "1 more files are in the provenance" in page
    assert "<dt>begins with _ or .</dt><dd>_SUCCESS and 2 more</dd>" in page


def test_a_champions_profile_stands_beside_it(describe: Describe) -> None:
    """With what breaks a rule, in a sentence."""
    changes = dict.fromkeys(("new_users", "gone_users", "new_items", "gone_items"), 1)
    champion = {"build": "<1>", "figures": {"rows": 2100.0}, **changes}
    broken = {"rule": "r", "level": "warn", "is_kept": False, "sentence": "rows is 1,050 <b>"}
    page = describe(data=data(champion=champion, verdict=[broken])).get("/", headers=HTML).text
    assert rows(page)["rows"] == ["1,050", "2,100", FIGURES["rows"].meaning]
    assert "Build &lt;1&gt;" in page
    assert "<li>rows is 1,050 &lt;b&gt;</li>" in page


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"data": data()}, "The latest items of each user are held out."),
        ({"data": data(first=None, last=None)}, "Some items of each user, chosen by a hash, are"),
        ({}, "Some items of each user are held out, the latest if the data has times."),
    ],
)
def test_the_page_says_what_was_held_out(
    describe: Describe, facts: dict[str, Any], sentence: str
) -> None:
    """Only data with times has latest items; an older manifest does not say."""
    evaluation = {"model": metrics(0.2), "popularity": metrics(0.1), "gate": {"users": 9}}
    page = describe(metrics=evaluation, **facts).get("/", headers=HTML).text
    assert sentence in page


def test_nothing_in_a_model_is_markup(make_folder: Callable[..., Path], load: Any) -> None:
    """A build's name is text wherever it stands."""
    page = create_app(load(make_folder(build="<script>x</script>"))).test_client()
    text = page.get("/", headers=HTML).text
    assert "<script>x" not in text
    assert "&lt;script&gt;x" in text


def test_a_model_without_a_report_has_none(client: FlaskClient) -> None:
    """Neither the report nor a plot is found, and the page links to neither."""
    for path in ("/report", *(f"/report/{name}" for name in PLOTS)):
        assert client.get(path).status_code == 404
    assert "report" not in client.get("/", headers=HTML).text


def test_the_report_is_a_file_of_the_model(with_files: Describe) -> None:
    """It is returned unchanged, with a policy that allows no script."""
    text = "<style>p {}</style><p>ö<style>\nb {}\n</style>"
    client = with_files(**{REPORT: text})
    answer = client.get("/report")
    assert (answer.status_code, answer.mimetype, answer.text) == (200, "text/html", text)
    policy = answer.headers["Content-Security-Policy"]
    assert not {"script", "unsafe"} & set(re.findall("[a-z]+", policy))
    for style in (b"p {}", b"\nb {}\n"):
        assert b64encode(sha256(style).digest()).decode() in policy
    assert 'href="report"' in client.get("/", headers=HTML).text


def test_the_plots_are_files_of_the_model(with_files: Describe) -> None:
    """The page shows those that the manifest lists, in their order, each with its caption."""
    names = [*PLOTS][::2]
    client = with_files(**{name: f"<svg>{name}</svg>" for name in reversed(names)})
    page = client.get("/", headers=HTML).text
    assert re.findall(r'<img src="report/([^"]+)" alt="([^"]+)"', page) == [
        (name, f"Plot: {PLOTS[name]}") for name in names
    ]
    for name in PLOTS:
        answer = client.get(f"/report/{name}")
        assert answer.status_code == (200 if name in names else 404)
    answer = client.get(f"/report/{names[0]}")
    assert (answer.mimetype, answer.text) == ("image/svg+xml", f"<svg>{names[0]}</svg>")
    assert "script" not in answer.headers["Content-Security-Policy"]


def test_no_other_file_of_the_model_is_served(with_files: Describe) -> None:
    """Only the names of plots are paths, though the manifest lists other files."""
    client = with_files(**{"other.svg": "<svg></svg>"})
    for name in ("other.svg", "items.ends.npy", "manifest.json", REPORT):
        assert client.get(f"/report/{name}").status_code == 404
