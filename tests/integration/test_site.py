"""The running site with independent programs: fuzzer, inference client, Prometheus, browser."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Request as PageRequest
from tests.integration.conftest import (
    BUILD,
    QUICK,
    answers,
    command,
    debian_program,
    environment,
    free_port,
    run,
    wait_for,
)

from modelsystem_shared.manifest import PLOTS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model_folder(small_export: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a trained build."""
    path = tmp_path_factory.mktemp("models") / BUILD
    trained = run("trainer", MODELFOLDER=path, CSV_FOLDER=small_export, **QUICK)
    assert trained.code == 0, trained.output
    return path


@pytest.fixture(scope="module")
def site(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve that build, and return the site's URL."""
    port = free_port()
    variables = {"MODELFOLDER": model_folder, "HOST": "127.0.0.1", "PORT": port, "WORKERS": 2}
    log = tmp_path_factory.mktemp("site") / "log"
    with (
        log.open("wb") as file,
        subprocess.Popen(
            command("scorer"),
            env=environment(**variables, EVALUATION_ENDPOINT="on"),
            stdout=file,
            stderr=file,
            start_new_session=True,
        ) as process,
    ):
        wait_for(lambda: answers(port), process)
        yield f"http://127.0.0.1:{port}"
        os.killpg(process.pid, signal.SIGKILL)
    assert '"traceback"' not in log.read_text()
    assert '"level": "error"' not in log.read_text()


def get(url: str, body: Any = None) -> Any:
    """Return the JSON of an answer."""
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, {"Content-Type": "application/json"})) as answer:
        return json.load(answer)


def schemathesis(site: str, examples: int, folder: Path) -> str:
    """Run schemathesis with all its checks, and return its output."""
    program = Path(sys.executable).with_name("st")
    url = f"{site}/openapi.json"
    options = ["--checks=all", f"--max-examples={examples}", "--seed=20180523", "--no-color"]
    done = subprocess.run(
        [program, "run", url, *options], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    return done.stdout


def test_the_site_conforms_to_its_document(site: str, tmp_path: Path) -> None:
    """schemathesis, which knows only /openapi.json, finds no fault."""
    assert " passed" in schemathesis(site, 4, tmp_path)


@pytest.mark.faults
def test_the_site_conforms_to_its_document_many_times(
    site: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The full count of requests."""
    output = schemathesis(site, 100, tmp_path)
    with capsys.disabled():
        print("\nschemathesis:", next(line for line in output.splitlines() if "generated" in line))


INFERENCE = """
import json, sys
import numpy as np
import tritonclient.http as triton

client = triton.InferenceServerClient(sys.argv[1])
assert client.is_server_live() and client.is_server_ready()
assert client.is_model_ready("modelsystem") and client.is_model_ready("modelsystem", sys.argv[2])
metadata = client.get_model_metadata("modelsystem")
users = np.array(sys.argv[3:], dtype=np.object_)
answers = {}
for binary in (True, False):
    tensor = triton.InferInput(metadata["inputs"][0]["name"], users.shape, "BYTES")
    tensor.set_data_from_numpy(users, binary_data=binary)
    requested = [
        triton.InferRequestedOutput(output["name"], binary_data=binary)
        for output in metadata["outputs"]
    ]
    for outputs in (requested, None):
        result = client.infer("modelsystem", [tensor], outputs=outputs, parameters={"k": 5})
        for described in metadata["outputs"]:
            output = result.get_output(described["name"])
            assert output["datatype"] == described["datatype"]
            assert len(output["shape"]) == len(described["shape"])
            assert result.as_numpy(described["name"]).shape == tuple(output["shape"])
        ids, scores = result.as_numpy("item_id"), result.as_numpy("score")
        answers[f"{binary} {outputs is None}"] = [
            [[i.decode() if isinstance(i, bytes) else i for i in row] for row in ids.tolist()],
            scores.astype(float).tolist(),
            result.as_numpy("fallback").tolist(),
        ]
try:
    client.infer("modelsystem", [triton.InferInput("other", [1], "BYTES")])
except triton.InferenceServerException as error:
    answers["error"] = str(error)
print(json.dumps({"metadata": metadata, "answers": answers}))
"""


def test_an_inference_client_gets_recommendations(site: str) -> None:
    """Tritonclient sends a batch of users, as bytes and as JSON, as the metadata says.

    In a process of its own: it has its own event loop, and warnings.
    """
    users = ["learner-1", "learner-2", "unknown"]
    done = subprocess.run(
        [sys.executable, "-c", INFERENCE, site.removeprefix("http://"), BUILD, *users],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed["metadata"]["versions"] == [BUILD]
    assert "inputs.0.name" in printed["answers"].pop("error")
    expected = [get(f"{site}/v1/users/{user}/recommendations?k=5") for user in users]
    for ids, scores, fallback in printed["answers"].values():
        assert ids == [[item["item_id"] for item in answer["items"]] for answer in expected]
        for row, answer in zip(scores, expected, strict=True):
            assert row == pytest.approx([item["score"] for item in answer["items"]], abs=1e-6)
        assert fallback == [False, False, True]
    assert len(printed["answers"]) == 4


def test_prometheus_finds_no_fault(site: str) -> None:
    """Promtool checks the metrics."""
    promtool = debian_program("promtool", "prometheus")
    get(f"{site}/v1/users/learner-1/recommendations")
    with urlopen(f"{site}/metrics") as answer:
        done = subprocess.run(
            [promtool, "check", "metrics"], input=answer.read(), capture_output=True, check=False
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.fixture
def pushgateway(tmp_path: Path) -> Iterator[str]:
    """Run a Pushgateway, and return its URL."""
    program = debian_program("prometheus-pushgateway", "prometheus-pushgateway")
    port = free_port()
    log = (tmp_path / "log").open("wb")
    options = [f"--web.listen-address=127.0.0.1:{port}"]
    with log, subprocess.Popen([program, *options], stdout=log, stderr=log) as process:
        wait_for(lambda: answers(port), process)
        yield f"http://127.0.0.1:{port}"
        process.kill()


def test_the_waiter_pushes_the_score(model_folder: Path, pushgateway: str) -> None:
    """A real Pushgateway has `model_score` with build and tenant afterwards."""
    waited = run("waiter", MODELFOLDER=model_folder, PUSHGATEWAY_URL=f"{pushgateway}/")
    assert waited.code == 0, waited.output
    score = (model_folder / "complete.txt").read_text().splitlines()[0]
    with urlopen(f"{pushgateway}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    line = next(line for line in lines if line.startswith("model_score{"))
    assert f'build="{BUILD}"' in line
    assert 'job="modelsystem"' in line
    assert 'tenant=""' in line
    assert float(line.rpartition(" ")[2]) == float(score)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Run Debian's Chromium without a screen."""
    program = debian_program("chromium", "chromium")
    quiet = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=[*quiet, "--disable-sync"]
        )
        yield browser
        browser.close()


NewPage = Callable[..., Page]


@pytest.fixture
def new_page(chromium: Browser, site: str) -> Iterator[NewPage]:
    """Return a function that opens a page; any error in it fails the test."""
    errors: list[str] = []
    contexts = []

    def check_origin(request: PageRequest) -> None:
        if not request.url.startswith((site, "data:")):
            errors.append(request.url)

    def new(path: str = "/", width: int = 1280, scheme: Any = "light") -> Page:
        size = {"width": width, "height": 800}
        context = chromium.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]  # a TypedDict in all but name
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("requestfailed", lambda request: errors.append(request.url))
        page.on("request", check_origin)
        page.goto(f"{site}{path}")
        return page

    yield new
    for context in contexts:
        context.close()
    assert not errors


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_fit(new_page: NewPage, path: str, width: int, scheme: str, tmp_path: Path) -> None:
    """Nothing is wider than the screen, the colours follow the scheme, and all plots are drawn."""
    page = new_page(path, width, scheme)
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    levels = [int(level) for level in background.strip("rgb()").split(",")]
    assert all(level < 60 for level in levels) == (scheme == "dark")
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    if path == "/":
        assert page.locator("[aria-labelledby=evaluation-heading] tbody tr").count() == 6
        assert page.get_by_text("rows that were read").is_visible()
        assert_plots_are_drawn(page)


def assert_plots_are_drawn(page: Page) -> None:
    """Wait until every plot that the training drew is loaded; a broken image has no width."""
    files = {file["name"] for file in get(urljoin(page.url, "/v1/provenance"))["model"]["files"]}
    plots = page.locator("figure img")
    assert plots.count() == len(files & PLOTS.keys())
    for plot in plots.all():
        plot.scroll_into_view_if_needed()
    page.wait_for_function("[...document.images].every((image) => image.naturalWidth > 0)")


def test_a_user_gets_recommendations_by_a_click(new_page: NewPage, site: str) -> None:
    """The list shows the API's answer: titles, scores and reasons."""
    page = new_page()
    page.fill("#user", "learner-1")
    page.click("text=Recommend")
    page.wait_for_selector("#results li")
    answer = get(f"{site}/v1/recommendations", {"user_id": "learner-1", "k": 10, "explain": True})
    shown = page.locator("#results .name").all_inner_texts()
    assert shown == [f"{item['title']}{item['item_id']}" for item in answer["items"]]
    reasons = page.locator("#results .why").all_inner_texts()
    assert len(reasons) == len(shown)
    for text, item in zip(reasons, answer["items"], strict=True):
        assert text.startswith(f"because of {item['because'][0]['title']} (")


def test_titles_are_completed_by_keyboard(new_page: NewPage) -> None:
    """Without a mouse: type a part of a title, Enter, recommend, remove the item."""
    page = new_page()
    page.focus("#item")
    page.keyboard.type("number 17")
    page.keyboard.press("Enter")  # at once: the suggestions can still be for "number 1"
    page.wait_for_selector("#items button")
    assert page.locator("#items button").all_inner_texts() == ["Course Number 17"]
    for _ in range(3):  # past Add and the item, to Recommend
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#results li")
    assert "because of Course Number 17" in page.locator("#results .why").first.inner_text()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert page.locator("#items button").count() == 0


def test_the_page_says_what_is_missing(new_page: NewPage) -> None:
    """An empty form asks for a user or an item; for an unknown user popular items are shown."""
    page = new_page()
    page.click("text=Recommend")
    assert "Enter a user id" in page.inner_text("#status")
    page.fill("#user", "<b>unknown</b>")
    page.keyboard.press("Enter")
    page.wait_for_selector("#results li")
    assert "these items are popular" in page.inner_text("#status")
