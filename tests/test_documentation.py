"""README.md and docs/ are true: settings, console scripts, targets, links and decisions."""

import re
import runpy
import tomllib
from pathlib import Path

import pytest

from modelsystem_shared.profile import FIGURES
from modelsystem_trainer.rules import Rules

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SETTINGS = runpy.run_path(str(DOCS / "settings.py"))
PAGES = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)
LAYERING = runpy.run_path(str(ROOT / "tests" / "shared" / "test_layering.py"))
DECISIONS = sorted((DOCS / "adr").glob("[0-9]*.md"))


def test_the_table_of_settings_is_made_of_the_classes() -> None:
    """docs/settings.md has each variable with its programs, default and help, and no other."""
    page: str = SETTINGS["PAGE"].read_text(encoding="utf-8")
    assert page == SETTINGS["documented"](), "run .venv/bin/python docs/settings.py"


@pytest.mark.parametrize("workload", SETTINGS["PROGRAMS"])
def test_every_console_script_is_introduced(workload: str) -> None:
    """README.md names each program, and docs/settings.md its exit codes."""
    project = tomllib.loads((ROOT / workload / "pyproject.toml").read_text(encoding="utf-8"))
    (script,) = project["project"]["scripts"]
    assert f"`{script}`" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"| `{script}` |" in SETTINGS["PAGE"].read_text(encoding="utf-8")


def test_the_page_on_data_has_all_figures_and_rules() -> None:
    """docs/data.md lists each figure with its meaning, and each default rule."""
    page = (DOCS / "data.md").read_text(encoding="utf-8")
    for name, figure in FIGURES.items():
        assert f"| `{name}` | {figure.meaning} |" in page
    listed = re.findall(r"`((?:stop|warn) [^`]+)`", page.split("<!-- defaults -->")[1])
    assert sorted(listed) == sorted(str(rule) for rule in Rules.default().rules)


def test_every_target_that_a_page_names_exists() -> None:
    """A reader can type each `make` command."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {*re.findall(r"^([a-z-]+):", makefile, re.MULTILINE), "isolated-scorer"}
    for page in PAGES:
        code = re.findall(
            r"```sh\n(.*?)```|`([^`\n]+)`", page.read_text(encoding="utf-8"), re.DOTALL
        )
        named = re.findall(r"\bmake ([a-z-]+)", "\n".join(block or word for block, word in code))
        assert not {*named} - targets, page


def test_the_architecture_lists_the_rooms() -> None:
    """The table in docs/architecture.md has the rooms of each package in their order."""
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    for package, rooms in LAYERING["ROOMS"].items():
        if package != "modelsystem_waiter":  # one room of modules
            assert ", ".join(f"`{room}`" for room in rooms) in page, package


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_module_that_a_page_names_exists(page: Path) -> None:
    """A module is named as `room/module`, or by its full name."""
    modules = {
        str(path.relative_to(ROOT).with_suffix("")).removesuffix("/__init__")
        for path in ROOT.glob("*/src/**/*.py*")
    }
    rooms = {path.parent.name for path in ROOT.glob("*/src/*/*/__init__.py")}
    text = page.read_text(encoding="utf-8")
    for room, module in re.findall(r"`([a-z0-9_]+)/([a-z_]+)`", text):
        if room in rooms:
            assert any(name.endswith(f"/{room}/{module}") for name in modules), f"{room}/{module}"
    for name in re.findall(r"`(modelsystem_[a-z_.]+)`", text):
        path = name.replace(".", "/")
        paths = (path, path.rpartition("/")[0])  # a module, or something in one
        assert any(known.endswith(known_as) for known in modules for known_as in paths), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """Links within the repository name files that exist."""
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_decisions_are_numbered_without_a_gap_and_listed() -> None:
    """docs/adr/README.md lists every record with its title; each says what would violate it."""
    index = (DOCS / "adr" / "README.md").read_text(encoding="utf-8")
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    for path in DECISIONS:
        text = path.read_text(encoding="utf-8")
        title = text.splitlines()[0].removeprefix("# ")
        assert title.startswith(f"{int(path.name[:4])}. ")
        assert f"[{title}]({path.name})" in index
        assert "A change violates this when" in text or "Superseded by" in text, path


def test_the_changelog_has_dated_sections() -> None:
    """Keep a Changelog: what is unreleased comes first, then a date for each landing."""
    heads = re.findall(
        r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert heads[0] == "[Unreleased]"
    dates = [re.fullmatch(r"(\d{4}-\d\d-\d\d)(?: - .+)?", head) for head in heads[1:]]
    assert dates
    assert all(dates)
    assert heads[1:] == sorted(heads[1:], reverse=True)
