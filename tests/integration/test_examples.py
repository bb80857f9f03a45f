"""docs/examples.md: every example is asked of a real site, and every operation has one."""

import re
import runpy
from pathlib import Path

from tests.integration.conftest import get

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = runpy.run_path(str(DOCS / "examples.py"))
SHOWN_ELSEWHERE = {"/openapi.json", "/docs", "/metrics", "/report", "/report/{name}"}


def without_figures(page: str) -> str:
    """Return a page with every number as 0: scores, and which item is best, are the model's."""
    return re.sub(r"-?\d+(\.\d+)?(e-?\d+)?", "0", page)


def test_the_answers_are_those_of_a_site(site: str, tmp_path: Path) -> None:
    """Their keys, types, statuses and words; of numbers only that there is one."""
    fresh = tmp_path / "examples.md"
    fresh.write_text(EXAMPLES["documented"](site), encoding="utf-8")
    page = EXAMPLES["PAGE"].read_text(encoding="utf-8")
    current = without_figures(fresh.read_text(encoding="utf-8"))
    assert without_figures(page) == current, f"cp {fresh} {EXAMPLES['PAGE']}"


def test_every_operation_has_an_example(site: str) -> None:
    """What is for browsers and for Prometheus is shown elsewhere; a version is the same again."""
    paths = get(f"{site}/openapi.json")["paths"]
    operations = {(method.upper(), path) for path, known in paths.items() for method in known}
    documented = [(known.method, known.path.partition("?")[0]) for known in EXAMPLES["EXAMPLES"]]
    without = [
        path
        for method, path in operations
        if path not in SHOWN_ELSEWHERE and not path.startswith("/assets")
        if "/versions/" not in path
        if not any(method == other and matches(path, shown) for other, shown in documented)
    ]
    assert not without


def matches(template: str, path: str) -> bool:
    """Return whether a path is one of an operation's."""
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) is not None


def test_every_answer_has_the_headers_of_the_page(site: str) -> None:
    """Errors and probes, too."""
    page = EXAMPLES["PAGE"].read_text(encoding="utf-8")
    names = re.findall(r"^(X-[\w-]+): ", page, re.MULTILINE)
    assert len(names) == 3
    for example in EXAMPLES["EXAMPLES"]:
        assert {*names} <= {*EXAMPLES["ask"](site, example).headers}, example


def test_the_links_of_the_index_are_its_readers_ways() -> None:
    """docs/README.md has every page of the folder."""
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    for page in DOCS.glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in index, page.name
