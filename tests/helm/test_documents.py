"""The documents of the charts agree with their values, schemas and templates."""

import importlib.util
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from tests.helm.charts import CHARTS, ROOT, VALUES, Render, the

from modelsystem_release import naming

NAMES = ("modelsystem", "modelsystem-routing")
Schema = dict[str, Any]
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
def test_readme_and_schema_have_the_descriptions_of_values(
    document: ModuleType, chart: str
) -> None:
    """Both are as `python helm/document.py` makes them from the comments of values.yaml."""
    assert document.readme_path(chart).read_text(encoding="utf-8") == document.readme(chart)
    assert document.schema_path(chart).read_text(encoding="utf-8") == document.schema(chart)


@pytest.mark.parametrize("chart", NAMES)
def test_every_value_is_described(document: ModuleType, chart: str) -> None:
    """Every key of the schema, sections included, has a comment in values.yaml."""
    described = document.descriptions((CHARTS / chart / "values.yaml").read_text(encoding="utf-8"))
    derived = {"global", "env.MODELFOLDER", "env.BUILDNUMBER", "env.WAIT_TIMEOUT",
               "env.MODELCACHE", "env.MODELCACHE_LIMIT", "env.DRAIN_SECONDS",
               "env.SIGNING_KEY_FILE", "env.TRUSTED_KEYS", "env.NAMESPACE",
               "env.PORT", "env.JOB_COMPLETION_INDEX"}  # fmt: skip
    assert set(described) == {key for key, _ in nodes(schema_of(chart))} - derived


@pytest.mark.parametrize("chart", NAMES)
def test_the_schema_is_closed_everywhere(chart: str) -> None:
    """Every object with known keys refuses unknown ones."""
    schema = schema_of(chart)
    objects = [schema, *(node for _, node in nodes(schema)), *schema["definitions"].values()]
    assert all(node["additionalProperties"] is False for node in objects if "properties" in node)


def test_both_charts_define_a_type_alike() -> None:
    """Definitions of the same name are the same in both schemas."""
    build, routing = (schema_of(chart)["definitions"] for chart in NAMES)
    common = set(build) & set(routing)
    assert common == {"text", "strings", "resources", "quantities", "quantity", "objects"}
    assert all(build[name] == routing[name] for name in common)


def test_one_definition_has_one_description(
    document: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values that share a part of the schema cannot be described differently."""
    shutil.copytree(CHARTS / "modelsystem", tmp_path / "modelsystem")
    values = tmp_path / "modelsystem" / "values.yaml"
    text = values.read_text(encoding="utf-8")
    values.write_text(text.replace("# -- tag of the image", "# -- its tag", 1), encoding="utf-8")
    monkeypatch.setattr(document, "HERE", tmp_path)
    with pytest.raises(ValueError, match=r"scoringimage\.tag shares a definition"):
        document.schema("modelsystem")


def schema_of(chart: str) -> Schema:
    """Return a chart's schema."""
    text = (CHARTS / chart / "values.schema.json").read_text(encoding="utf-8")
    schema: Schema = json.loads(text)
    return schema


def nodes(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield each dotted key that a schema takes with its node, references followed."""

    def below(node: Schema, prefix: str) -> Iterator[tuple[str, Schema]]:
        for name, child in node.get("properties", {}).items():
            resolved = child
            while reference := resolved.get("$ref"):
                resolved = schema["definitions"][reference.rpartition("/")[2]]
            yield f"{prefix}{name}", resolved
            if not is_shared_with_kubernetes(child):
                yield from below(resolved, f"{prefix}{name}.")

    return below(schema, "")


def is_shared_with_kubernetes(node: Schema) -> bool:
    """Whether a node describes a type of Kubernetes, whose own fields values.yaml leaves out."""
    return node.get("$ref") == "#/definitions/resources"


@pytest.mark.parametrize("chart", NAMES)
def test_the_tree_holds_no_build(chart: str) -> None:
    """Nothing per build is in the tree: versions are 0.0.0, and no build is listed."""
    metadata = yaml.safe_load((CHARTS / chart / "Chart.yaml").read_text(encoding="utf-8"))
    values = yaml.safe_load((CHARTS / chart / "values.yaml").read_text(encoding="utf-8"))
    assert metadata["version"] == metadata.get("appVersion", "0.0.0") == "0.0.0"
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
    """Every page and script calls it as `release route` does at first, or after a tenant."""
    default = naming.routing()
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
