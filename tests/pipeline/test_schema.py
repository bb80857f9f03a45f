"""The pipelines are valid, use nothing that is retired, and paste nothing into a shell."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.pipeline.steps import FILES, FOLDER, ROOT, SCRIPTS, steps
from tests.programs import debian_program

from modelsystem_release import naming

SCHEMA = ROOT.parent / "shared" / "schemas" / "azure-pipelines.json"
RETIRED = ("HelmInstaller@0", "Kubernetes@0", "Docker@0", "PublishCodeCoverageResults@1")
# The schema knows this task's version 2 by name, but its inputs only of version 1: the same.
OLDER = ("PublishCodeCoverageResults@2", "PublishCodeCoverageResults@1")


def check(path: Path, *schema: str | Path) -> None:
    """Check a file as check-jsonschema does."""
    options = ["--data-transform", "azure-pipelines", "--regex-variant", "nonunicode"]
    ended = subprocess.run(
        [Path(sys.executable).with_name("check-jsonschema"), *schema, *options, path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout[-4000:]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_pipeline_is_valid(path: Path, tmp_path: Path) -> None:
    """By the schema of check-jsonschema, and by the newest one if it is at hand."""
    copy = tmp_path / path.name
    copy.write_text(path.read_text(encoding="utf-8").replace(*OLDER))
    check(copy, "--builtin-schema", "vendor.azure-pipelines")
    if SCHEMA.exists():
        check(copy, "--schemafile", SCHEMA)


def test_a_wrong_pipeline_is_refused(tmp_path: Path) -> None:
    """An unknown input of a task is found: the check can fail."""
    path = tmp_path / "wrong.yml"
    text = (FOLDER / "steps" / "python.yml").read_text(encoding="utf-8")
    path.write_text(text.replace("versionSpec", "versionSpecification"))
    with pytest.raises(AssertionError):
        check(path, "--builtin-schema", "vendor.azure-pipelines")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_retired_and_nothing_secret(path: Path) -> None:
    """No retired task, and no variable that is called a key, secret or password."""
    text = path.read_text(encoding="utf-8")
    assert not [task for task in RETIRED if task in text]
    assert not re.search(r"\$\(\w*(KEY|SECRET|PASSWORD|TOKEN)\w*\)", text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_template_is_there(path: Path) -> None:
    """Templates are named by their path from the file that uses them."""
    for name in re.findall(r"^ *- template: (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE):
        assert (path.parent / name).is_file(), name


def test_no_parameter_is_pasted_into_a_shell() -> None:
    """Scripts get parameters and variables as environment: no text can become a command."""
    assert steps()
    for step in steps():
        assert not re.search(r"\$\{\{|\$\(", step.script), step


def test_every_script_is_sound_shell_and_used() -> None:
    """Shellcheck accepts all, each but the sourced one is executable, and none is left over."""
    texts = [f"{step.script} {step.env.get('SCRIPT', '')}" for step in steps()]
    texts += [path.read_text(encoding="utf-8").partition("set -e")[2] for path in SCRIPTS]
    for path in SCRIPTS:
        assert any(re.search(rf"(^|[/ ]){path.name}\b", text) for text in texts), path.name
        assert bool(path.stat().st_mode & 0o111) == (path.name != "target"), path.name
    shellcheck = debian_program("shellcheck", "shellcheck")
    ended = subprocess.run(
        [shellcheck, "--external-sources", "--source-path=SCRIPTDIR", *SCRIPTS],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("tenant", ["acme", "1e8b7415-7c2e-e411-80bb-00155d5369ef", "a b; exit 1"])
def test_a_tenant_is_one_argument_whatever_it_is_called(tenant: str) -> None:
    """Its routing release is called after it, within Helm's limit; `none` is no tenant."""
    assert target("none") == ["--namespace", "models"]
    assert target(tenant) == [
        "--namespace", "models", "--tenant", tenant, "--routing", naming.routing(tenant)
    ]  # fmt: skip


def target(tenant: str) -> list[str]:
    """Return the options that the scripts give to the release tool."""
    script = f". {FOLDER}/scripts/target; printf '%s\\0' \"${{target[@]}}\""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    ended = subprocess.run(
        ["bash", "-euc", script],
        env={"PATH": path, "NAMESPACE": "models", "TENANT": tenant},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return ended.stdout.removesuffix("\0").split("\0")
