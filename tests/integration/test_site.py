"""The running site, asked by programs that others wrote: each knows only what the site says."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
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
    """Serve it, and return the site's URL."""
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
    """Return what the JSON of an answer holds."""
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, {"Content-Type": "application/json"})) as answer:
        return json.load(answer)


def schemathesis(site: str, examples: int, folder: Path) -> str:
    """Let schemathesis make up requests from the document, with all its checks."""
    program = Path(sys.executable).with_name("st")
    url = f"{site}/openapi.json"
    options = ["--checks=all", f"--max-examples={examples}", "--seed=20180523", "--no-color"]
    done = subprocess.run(
        [program, "run", url, *options], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    return done.stdout


def test_the_site_does_what_its_document_says(site: str, tmp_path: Path) -> None:
    """schemathesis, which knows only /openapi.json, finds nothing."""
    assert " passed" in schemathesis(site, 4, tmp_path)


@pytest.mark.faults
def test_the_site_does_what_its_document_says_many_times(
    site: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The full count of requests."""
    told = schemathesis(site, 100, tmp_path)
    with capsys.disabled():
        print("\nschemathesis:", next(line for line in told.splitlines() if "generated" in line))


INFERENCE = """
import json, sys
import numpy as np
import tritonclient.http as triton

client = triton.InferenceServerClient(sys.argv[1])
assert client.is_server_live() and client.is_server_ready()
assert client.is_model_ready("modelsystem") and client.is_model_ready("modelsystem", sys.argv[2])
metadata = client.get_model_metadata("modelsystem")
users = np.array(sys.argv[3:], dtype=np.object_)
told = {}
for binary in (True, False):
    tensor = triton.InferInput(metadata["inputs"][0]["name"], users.shape, "BYTES")
    tensor.set_data_from_numpy(users, binary_data=binary)
    wanted = [
        triton.InferRequestedOutput(output["name"], binary_data=binary)
        for output in metadata["outputs"]
    ]
    for outputs in (wanted, None):
        result = client.infer("modelsystem", [tensor], outputs=outputs, parameters={"k": 5})
        answer = {o["name"]: result.get_output(o["name"]) for o in metadata["outputs"]}
        for described in metadata["outputs"]:
            got = answer[described["name"]]
            assert got["datatype"] == described["datatype"]
            assert len(got["shape"]) == len(described["shape"])
            assert result.as_numpy(described["name"]).shape == tuple(got["shape"])
        ids, scores = result.as_numpy("item_id"), result.as_numpy("score")
        told[f"{binary} {outputs is None}"] = [
            [[i.decode() if isinstance(i, bytes) else i for i in row] for row in ids.tolist()],
            scores.astype(float).tolist(),
            result.as_numpy("fallback").tolist(),
        ]
try:
    client.infer("modelsystem", [triton.InferInput("other", [1], "BYTES")])
except triton.InferenceServerException as error:
    told["error"] = str(error)
print(json.dumps({"metadata": metadata, "told": told}))
"""


def test_an_inference_client_gets_recommendations(site: str) -> None:
    """Tritonclient asks for a batch of users, by bytes and by JSON, as the metadata says.

    In a process of its own: it brings its own event loop, and warnings that are not ours.
    """
    users = ["learner-1", "learner-2", "nobody"]
    done = subprocess.run(
        [sys.executable, "-c", INFERENCE, site.removeprefix("http://"), BUILD, *users],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["metadata"]["versions"] == [BUILD]
    assert "inputs.0.name" in answer["told"].pop("error")
    expected = [get(f"{site}/v1/users/{user}/recommendations?k=5") for user in users]
    for ids, scores, fallback in answer["told"].values():
        assert ids == [[item["item_id"] for item in one["items"]] for one in expected]
        for row, one in zip(scores, expected, strict=True):
            assert row == pytest.approx([item["score"] for item in one["items"]], abs=1e-6)
        assert fallback == [False, False, True]
    assert len(answer["told"]) == 4


def test_prometheus_finds_no_fault(site: str) -> None:
    """Promtool checks the metrics as they come."""
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
    """Return a function that opens a page; what goes wrong in it fails the test."""
    wrong: list[str] = []
    contexts = []

    def check_origin(request: Any) -> None:
        if not request.url.startswith((site, "data:")):
            wrong.append(request.url)

    def new(path: str = "/", width: int = 1280, scheme: Any = "light") -> Page:
        size = {"width": width, "height": 800}
        context = chromium.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]  # a TypedDict in all but name
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("requestfailed", lambda request: wrong.append(request.url))
        page.on(
            "request", lambda r: None if r.url.startswith((site, "data:")) else wrong.append(r.url)
        )
        page.goto(f"{site}{path}")
        return page

    yield new
    for context in contexts:
        context.close()
    assert not wrong


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_fit(new_page: NewPage, path: str, width: int, scheme: str, tmp_path: Path) -> None:
    """Nothing is wider than the screen, text stands out, and there is something to see."""
    page = new_page(path, width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    levels = [int(level) for level in background.strip("rgb()").split(",")]
    assert all(level < 60 for level in levels) == (scheme == "dark")
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    assert page.locator("svg rect").count() > 10 or path == "/docs"


def test_a_user_gets_recommendations_by_a_click(new_page: NewPage, site: str) -> None:
    """The list shows what the API says: titles, scores, and because of what."""
    page = new_page()
    page.fill("#user", "learner-1")
    page.click("text=Recommend")
    page.wait_for_selector("#results li")
    told = get(f"{site}/v1/recommendations", {"user_id": "learner-1", "k": 10, "explain": True})
    shown = page.locator("#results .name").all_inner_texts()
    assert shown == [f"{item['title']}{item['item_id']}" for item in told["items"]]
    reasons = page.locator("#results .why").all_inner_texts()
    assert len(reasons) == len(shown)
    for text, item in zip(reasons, told["items"], strict=True):
        assert text.startswith(f"because of {item['because'][0]['title']} (")


def test_titles_are_completed_by_keyboard(new_page: NewPage) -> None:
    """Without a mouse: type a part of a title, Enter, ask, take an item away again."""
    page = new_page()
    page.focus("#item")
    page.keyboard.type("number 17")
    page.keyboard.press("Enter")  # at once: what is offered may still be for "number 1"
    page.wait_for_selector("#chosen button")
    assert page.locator("#chosen button").all_inner_texts() == ["Course Number 17"]
    for _ in range(3):  # past Add and the item, to Recommend
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#results li")
    assert "because of Course Number 17" in page.locator("#results .why").first.inner_text()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert page.locator("#chosen button").count() == 0


def test_who_asks_nothing_is_told_what_to_do(new_page: NewPage) -> None:
    """An unknown user gets what is popular, and is told; nobody at all is asked for a name."""
    page = new_page()
    page.click("text=Recommend")
    assert "Name a user" in page.inner_text("#status")
    page.fill("#user", "<b>nobody</b>")
    page.keyboard.press("Enter")
    page.wait_for_selector("#results li")
    assert "most popular" in page.inner_text("#status")
