"""The commands, options, targets and files that the pages name exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.pipeline.steps import FILES, ROOT

PAGES = [ROOT / "docs" / "azure-setup.md", ROOT / "docs" / "operations.md"]
RELEASE = Path(sys.executable).with_name("release")
COMMAND = re.compile(r"\brelease ((?:route )?[a-z]+)\b([^`\n#]*)")


def help_of(command: str) -> str:
    """Return the help of a command of the tool."""
    ended = subprocess.run(
        [RELEASE, *command.split(), "--help"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, command
    return ended.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_options_targets_and_files_exist(page: Path) -> None:
    """Each `release` command with its options, each `make` target, each file of the tree."""
    parts = re.findall(r"```sh\n(.*?)```|`([^`\n]+)`", page.read_text(encoding="utf-8"), re.DOTALL)
    code = "\n".join(block or word for block, word in parts)
    commands = [(command, rest) for command, rest in COMMAND.findall(code) if command != "route"]
    assert commands
    for command, rest in commands:
        text = help_of(command)
        assert all(option in text for option in re.findall(r"--[a-z-]+", rest)), (command, rest)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake ([a-z-]+)", code):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for name in re.findall(r"(?:\.azure-pipelines|kube|helm)/[\w./-]*\w", code):
        assert (ROOT / name).exists() or name.startswith("helm/modelsystem"), name


def test_every_variable_of_the_pipelines_is_explained() -> None:
    """The table of variable groups has them all."""
    names = {
        name
        for path in FILES
        for name in re.findall(r"\$\(([A-Z][A-Z_]+)\)", path.read_text(encoding="utf-8"))
    }
    page = PAGES[0].read_text(encoding="utf-8")
    assert names
    assert not [name for name in names if name not in page]


def test_every_exit_code_is_explained() -> None:
    """The runbook has a row for each, and the tool's help names the same."""
    rows = re.findall(r"^\| (\d) \|", PAGES[1].read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [str(code) for code in range(10)]
    codes = subprocess.run([RELEASE, "--help"], capture_output=True, text=True, check=True).stdout
    assert all(re.search(rf"\b{code} [a-z]", codes) for code in rows)
