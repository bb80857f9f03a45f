"""The release tool's calls of Helm, against the options that Helm 3 and 4 say they have."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from tests.helm.charts import MAJORS, find_helm

from modelsystem_release import artefact
from modelsystem_release.cluster import helm, programs


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """Return the command lines of every function of the tool that calls Helm."""
    recorded: list[list[str]] = []

    def run(program: str, arguments: Sequence[str], stdin: str | None = None) -> str:
        assert program == "helm"
        recorded.append([*arguments])
        answers = {"list": "[]", "history": '[{"status": "failed", "description": ""}]'}
        return answers.get(arguments[0], "{}")

    monkeypatch.setattr(programs, "run", run)
    contents = {"Chart.yaml": b"name: sample\n", "values.yaml": b'build:\n  number: "152"\n'}
    build, content = artefact.make(contents, {}, tmp_path)
    path = tmp_path / f"{build}.tar.gz"
    path.write_bytes(content)
    built = artefact.read(path)
    for is_dry_run in (True, False):
        helm.install(built, "models", is_dry_run)
    helm.values("r", "models")
    helm.upgrade("r", tmp_path, "models", {}, "why")
    helm.uninstall("r", "models")
    return [*recorded, ["history", "r", "--namespace", "models", "--output", "json"]]


@cache
def options(major: int, verb: str) -> frozenset[str]:
    """Return the long options of a command, as its --help lists them."""
    output = find_helm(major).run(*verb.split(), "--help").output
    return frozenset(re.findall(r"^ +(?:-\w, )?(--[\w-]+)", output, re.MULTILINE))


@pytest.mark.parametrize("major", MAJORS)
def test_every_option_is_known(calls: list[list[str]], major: int) -> None:
    """Whatever one of the two versions lacks, such as `list --all`, is not used."""
    assert {call[0] for call in calls} == {"list", "history", "get", "upgrade", "uninstall"}
    for call in calls:
        verb = "get values" if call[0] == "get" else call[0]
        used = {part.partition("=")[0] for part in call if part.startswith("--")}
        assert used <= options(major, verb), (major, call)
