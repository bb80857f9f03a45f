"""From an assignment to a container's environment: through YAML and the real Helm, unchanged."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from kubernetes_validate import validate
from tests.helm.charts import CHARTS, MAJORS, Release, containers, expanded, find_helm, pods
from tests.release.values.test_assignments import SEED, TEXTS, quoted

from modelsystem_release.values import Document, parse_assignments

# Variables of the trainer that take any text.
NAMES = ("CSV_COLUMNS", "PARAMETERS", "GIT_COMMIT", "STARTED_BY")
HARD_TEXTS = (
    "20180523.10", "0123", "1e5", "on", "null", "~", "- a", "a: b", "#c", "'", '"', "\\",
    "{{ .x }}", "$(HOME)", "$$(HOME)", "$", " a ", "\ta", "a\nb\n", "\u2028", "\x85", "\u00e9",
    "\U0001f600", "\x07",
)  # fmt: skip


def rendered(text: str, major: int, folder: Path) -> Release:
    """Return what Helm makes of the chart with values that were assigned."""
    document = Document((CHARTS / "modelsystem" / "values.yaml").read_text(encoding="utf-8"))
    document.assign(parse_assignments(text))
    path = folder / "values.yaml"
    path.write_text(document.text(), encoding="utf-8")
    ended = find_helm(major).run(
        "template", "r", CHARTS / "modelsystem", "-n", "models", "-f", path
    )
    assert ended.code == 0, ended.errors
    return tuple(manifest for manifest in yaml.safe_load_all(ended.output) if manifest)


def check_arrival(texts: list[str], major: int, folder: Path) -> None:
    """Assign texts to the trainer's variables, and compare its container's environment."""
    assigned = dict(zip(NAMES, texts, strict=False))
    pairs = ",".join(f"env.{name}={quoted(text)}" for name, text in assigned.items())
    release = rendered(f"build.number='152',env.CSV_FOLDER='/d',{pairs}", major, folder)
    (trainer,) = [
        c for p in pods(release).values() for c in containers(p) if c["name"] == "trainer"
    ]
    environment = {
        variable["name"]: expanded(variable.get("value", ""), {}) for variable in trainer["env"]
    }
    assert {name: environment.get(name, "") for name in assigned} == assigned


@given(texts=st.lists(TEXTS, min_size=len(NAMES), max_size=len(NAMES)))
@settings(max_examples=10, deadline=None)
def test_any_text_reaches_the_environment_unchanged(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    """`values`, YAML, Helm and Kubernetes' own expansion give back what was assigned."""
    check_arrival(texts, MAJORS[-1], tmp_path_factory.mktemp("any"))


@pytest.mark.parametrize("major", MAJORS)
def test_hard_texts_reach_the_environment_unchanged(major: int, tmp_path: Path) -> None:
    """Text that looks like a number, a boolean, a template, a reference or markup stays text."""
    for start in range(0, len(HARD_TEXTS), len(NAMES)):
        check_arrival(list(HARD_TEXTS[start : start + len(NAMES)]), major, tmp_path)


@pytest.mark.parametrize("major", MAJORS)
def test_the_seeds_string_renders_and_validates(major: int, tmp_path: Path) -> None:
    """With both Helms, against Kubernetes' schemas; the key stands in the Secret only."""
    release = rendered(SEED, major, tmp_path)
    for manifest in release:
        validate(manifest, "1.34", strict=True)
        assert manifest["kind"] == "Secret" or "k==" not in yaml.safe_dump(manifest)
    names = {manifest["kind"]: manifest["metadata"]["name"] for manifest in release}
    assert names["Job"] == "trainingjob-20180523-10-1e8b7415-7c2e-e411-80bb-00155d5369ef"
