"""What is written about the charts is so."""

import importlib.util
import json
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from tests.helm.charts import CHARTS, ROOT, VALUES, Render, the

from modelsystem_release import naming
from modelsystem_release.__main__ import parser

NAMES = ("modelsystem", "modelsystem-routing")
# The word before the chart in a command that installs it; the word after Helm's other commands.
INSTALLED = re.compile(r"([\w$<>{}.-]+)\s+helm/modelsystem-routing(?![\w/-])")
MANAGED = re.compile(
    r"\b(?:helm|h)(?: -n \S+)? (?:history|rollback|status|uninstall|get values) ([\w<>.-]+)"
)
OPTION = re.compile(r"--routing[ =]\"?([\w<>.-]+)")


@pytest.fixture(scope="session")
def document() -> ModuleType:
    """Return the program that writes the tables of values."""
    spec = importlib.util.spec_from_file_location("document", CHARTS / "document.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("chart", NAMES)
def test_the_readme_has_all_values(document: ModuleType, chart: str) -> None:
    """The chart's README has the table that `python helm/document.py` makes of values.yaml."""
    assert document.readme(chart).read_text(encoding="utf-8") == document.documented(chart)


@pytest.mark.parametrize("chart", NAMES)
def test_every_value_is_described(document: ModuleType, chart: str) -> None:
    """Every key of values.yaml has a comment, and every key of the schema is in values.yaml."""
    text = (CHARTS / chart / "values.yaml").read_text(encoding="utf-8")
    described = {key for key, _ in document.described(text)}
    schema = json.loads((CHARTS / chart / "values.schema.json").read_text(encoding="utf-8"))
    derived = {"global", "env.MODELFOLDER", "env.BUILDNUMBER", "env.WAIT_TIMEOUT",
               "env.MODELCACHE", "env.DRAIN_SECONDS", "env.PORT"}  # fmt: skip
    assert described == set(keys(schema)) - derived


def keys(schema: dict[str, object], above: str = "") -> list[str]:
    """Return the dotted keys that a schema takes, down to where its objects end or are shared."""
    found = []
    for name, below in schema["properties"].items():  # type: ignore[attr-defined]  # JSON
        found += keys(below, f"{above}{name}.") if "properties" in below else [f"{above}{name}"]
    return found


@pytest.mark.parametrize("chart", NAMES)
def test_the_tree_holds_no_build(chart: str) -> None:
    """Nothing per build is in the tree: versions are nought, and no build is listed."""
    about = yaml.safe_load((CHARTS / chart / "Chart.yaml").read_text(encoding="utf-8"))
    values = yaml.safe_load((CHARTS / chart / "values.yaml").read_text(encoding="utf-8"))
    assert about["version"] == about.get("appVersion", "0.0.0") == "0.0.0"
    assert values.get("build", {"number": ""})["number"] == ""
    assert values.get("builds", []) == []


def test_the_test_asks_the_release(render: Render) -> None:
    """`helm test` asks the release's Service for its build."""
    build = render(VALUES / "identity.yaml")
    pod = the(build, "Pod")
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    environment = {entry["name"]: entry["value"] for entry in pod["spec"]["containers"][0]["env"]}
    assert environment["SITE"] == f"http://{the(build, 'Service')['metadata']['name']}"
    assert environment["BUILDNUMBER"] == pod["metadata"]["annotations"]["modelsystem/build"]
    compile(pod["spec"]["containers"][0]["args"][0], "ask.py", "exec")


def pages() -> list[Path]:
    """Return the tree's documents, notes, scripts and pipelines."""
    patterns = ["*.md", "*NOTES.txt", "*.sh", "*.yml", ".azure-pipelines"]
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [ROOT / name for name in listed.split("\0") if (ROOT / name).is_file()]


def test_the_routing_release_has_one_name() -> None:
    """Every page and script calls it as `release route` does, or after a tenant."""
    default = parser().parse_args(["route", "show"]).routing
    assert default == naming.routing()
    pages_with_name = set()
    for page in pages():
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        names = [*INSTALLED.findall(text), *MANAGED.findall(text), *OPTION.findall(text)]
        releases = {name for name in names if not name.startswith(("-", "mlrelease-"))}
        assert releases <= {default, f"{default}-<tenant>"}, page
        if default in releases:
            pages_with_name.add(str(page.relative_to(ROOT)))
    routing = "helm/modelsystem-routing/README.md"
    assert pages_with_name >= {routing, "docs/operations.md", "tests/e2e/cluster.sh"}
