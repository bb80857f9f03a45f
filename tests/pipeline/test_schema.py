"""The pipelines are valid, and use nothing that is retired."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.pipeline.steps import FILES, ROOT, scripts

SCHEMA = ROOT.parent / "shared" / "schemas" / "azure-pipelines.json"
RETIRED = ("HelmInstaller@0", "Kubernetes@0", "Docker@0", "PublishCodeCoverageResults@1")
# The schema knows this task's version 2 by name, but its inputs only of version 1: the same.
OLDER = ("PublishCodeCoverageResults@2", "PublishCodeCoverageResults@1")


def check(path: Path, *schema: str | Path) -> None:
    """Check a file as check-jsonschema does."""
    options = ["--data-transform", "azure-pipelines", "--regex-variant", "nonunicode"]
    done = subprocess.run(
        [Path(sys.executable).with_name("check-jsonschema"), *schema, *options, path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_pipeline_is_valid(path: Path, tmp_path: Path) -> None:
    """By the schema of check-jsonschema, and by the newest where that is at hand."""
    copy = tmp_path / path.name
    copy.write_text(path.read_text(encoding="utf-8").replace(*OLDER))
    check(copy, "--builtin-schema", "vendor.azure-pipelines")
    if SCHEMA.exists():
        check(copy, "--schemafile", SCHEMA)


def test_a_wrong_pipeline_is_not(tmp_path: Path) -> None:
    """An unknown input of a task is found: the check can fail."""
    path = tmp_path / "wrong.yml"
    text = FILES[0].with_name(".azure-pipelines").joinpath("python.yml").read_text()
    path.write_text(text.replace("versionSpec", "versionSpecification"))
    with pytest.raises(AssertionError):
        check(path, "--builtin-schema", "vendor.azure-pipelines")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_retired_and_nothing_secret(path: Path) -> None:
    """No retired task, and no variable that is called a key, secret or password."""
    text = path.read_text(encoding="utf-8")
    assert not [task for task in RETIRED if task in text]
    assert not re.search(r"\$\(\w*(KEY|SECRET|PASSWORD|TOKEN)\w*\)", text)


def test_every_file_of_scripts_is_sound_shell() -> None:
    """What the steps call exists, can be run, and is Bash."""
    called = {
        part for _, text in scripts() for part in re.findall(r"\.azure-pipelines/[a-z-]+", text)
    }
    assert called
    for name in called | {".azure-pipelines/record"}:
        path = ROOT / name
        assert path.stat().st_mode & 0o111, name
        subprocess.run(["bash", "-n", path], check=True)
