"""The pages in a browser: the site itself, and the site behind TLS and a prefix."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Request as PageRequest
from tests.integration.conftest import get
from tests.programs import answers, debian_program, free_port, running, wait_for

from modelsystem_shared.manifest import PLOTS

PREFIX = "/models/a/"
NGINX = """
daemon off;
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder};
  proxy_temp_path {folder};
  fastcgi_temp_path {folder};
  uwsgi_temp_path {folder};
  scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/certificate;
    ssl_certificate_key {folder}/key;
    location {prefix} {{ proxy_pass {site}/; }}
  }}
}}
"""


def certify(folder: Path) -> None:
    """Write a key and a certificate for it, signed by itself."""
    files = ["-keyout", folder / "key", "-out", folder / "certificate"]
    options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    program = [debian_program("openssl", "openssl"), "req", "-x509", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*program, *options, *files], check=True, capture_output=True)


@pytest.fixture(scope="module")
def behind_nginx(site: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run an nginx with TLS that serves the site below a prefix, and return that URL."""
    program = debian_program("nginx", "nginx-light")
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    certify(folder)
    configuration = NGINX.format(folder=folder, port=port, prefix=PREFIX, site=site)
    (folder / "nginx.conf").write_text(configuration)
    command = [program, "-p", folder, "-e", "stderr", "-c", folder / "nginx.conf"]
    with running(command, stderr=subprocess.DEVNULL) as process:
        wait_for(lambda: answers(port), process)
        yield f"https://127.0.0.1:{port}{PREFIX}"


@pytest.fixture(params=["itself", "behind nginx"])
def published(request: pytest.FixtureRequest, site: str) -> str:
    """Return where the site is for a browser; everything must work in both places."""
    if request.param == "itself":
        return f"{site}/"
    behind: str = request.getfixturevalue("behind_nginx")
    return behind


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
def new_page(chromium: Browser, published: str) -> Iterator[NewPage]:
    """Return a function that opens a page; any error in it fails the test."""
    errors: list[str] = []
    contexts = []

    def check_origin(request: PageRequest) -> None:
        if not request.url.startswith((published, "data:")):
            errors.append(request.url)

    def new(path: str = "", width: int = 1280, scheme: Any = "light") -> Page:
        size = {"width": width, "height": 800}
        context = chromium.new_context(
            viewport=size,  # type: ignore[arg-type]  # a TypedDict in all but name
            color_scheme=scheme,
            ignore_https_errors=True,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("requestfailed", lambda request: errors.append(request.url))
        page.on("request", check_origin)
        page.goto(f"{published}{path}")
        return page

    yield new
    for context in contexts:
        context.close()
    assert not errors


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
@pytest.mark.parametrize("path", ["", "docs"])
def test_pages_fit(new_page: NewPage, path: str, width: int, scheme: str, tmp_path: Path) -> None:
    """Nothing is wider than the screen, the colours follow the scheme, and all plots are drawn."""
    page = new_page(path, width, scheme)
    if path == "docs":
        page.wait_for_selector("#operations-v1-recommendations")
    else:
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
        assert page.locator("[aria-labelledby=evaluation-heading] tbody tr").count() == 6
        assert page.get_by_text("rows that were read").is_visible()
        assert_plots_are_drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for element in ["body", *(["#operations .opblock-tag"] if path == "docs" else ["h1"])]:
        assert_readable(page, element, is_dark=scheme == "dark")
    page.screenshot(path=tmp_path / "page.png", full_page=True)


def assert_readable(page: Page, selector: str, *, is_dark: bool) -> None:
    """Compare the colours of an element with the scheme: light text on dark, or the reverse."""
    levels = page.evaluate(LEVELS, selector)
    assert (levels["background"] < 60) == is_dark, (selector, levels)
    assert (levels["text"] > 130) == is_dark, (selector, levels)


# The mean level of an element's text, and of the nearest background that is not transparent.
LEVELS = """selector => {
  const level = (color) => color.match(/[\\d.]+/g).slice(0, 3).map(Number)
    .reduce((a, b) => a + b) / 3;
  let element = document.querySelector(selector);
  const text = level(getComputedStyle(element).color);
  const transparent = "rgba(0, 0, 0, 0)";
  while (element && getComputedStyle(element).backgroundColor === transparent) {
    element = element.parentElement;
  }
  return { text, background: level(getComputedStyle(element ?? document.body).backgroundColor) };
}"""


PROVENANCE = "fetch('v1/provenance').then((answer) => answer.json())"


def assert_plots_are_drawn(page: Page) -> None:
    """Wait until every plot that the training drew is loaded; a broken image has no width."""
    files = {file["name"] for file in page.evaluate(PROVENANCE)["model"]["files"]}
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


@pytest.mark.parametrize("width", [360, 1280])
def test_a_request_is_tried_out(
    new_page: NewPage, published: str, site: str, width: int, tmp_path: Path
) -> None:
    """The API's page sends a request to this site, wherever that is, and shows the answer."""
    page = new_page("docs", width)
    operation = page.locator("#operations-v1-recommendations")
    operation.locator(".opblock-summary-control").click()
    request = {"user_id": "learner-1", "k": 3, "explain": True}
    operation.locator("textarea.body-param__text").fill(json.dumps(request))
    operation.locator("button.execute").click()
    shown = operation.locator(".live-responses-table .response-col_description code").first
    answer = get(f"{site}/v1/recommendations", request)
    assert len(answer["items"]) == 3
    assert json.loads(shown.inner_text()) == answer
    sent = operation.locator(".request-url").inner_text()
    assert urljoin(published, "v1/recommendations") in sent
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=tmp_path / "page.png", full_page=True)


def test_the_introduction_is_for_this_place(new_page: NewPage, published: str) -> None:
    """The commands name the site as the reader reached it; descriptions are Markdown."""
    page = new_page("docs")
    page.wait_for_selector("#operations .info code")
    assert f"curl {published}v1/scores" in page.inner_text("pre")
    codes = page.locator("#operations .info .renderedMarkdown code").all_inner_texts()
    assert "X-Model-Build" in codes
    assert "`" not in page.inner_text("#operations .info")
