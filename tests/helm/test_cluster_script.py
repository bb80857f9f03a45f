"""The script for a real cluster, in its dry run."""

import os
import subprocess
from pathlib import Path

from tests.helm.charts import ROOT, Helm
from tests.integration.conftest import debian_program

SCRIPT = ROOT / "tests" / "e2e" / "cluster.sh"


def run(*arguments: str | Path, helm: Helm | None = None) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end, with a version of Helm if one is given."""
    environment = {**os.environ}
    if helm:
        environment |= {"HELM": helm.program, "HELM_MAJOR": str(helm.major)}
    return subprocess.run(
        arguments, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def test_shellcheck() -> None:
    """Shellcheck finds no fault."""
    ended = run(debian_program("shellcheck", "shellcheck"), SCRIPT)
    assert ended.returncode == 0, ended.stdout


def test_the_dry_run_takes_every_step(helm: Helm) -> None:
    """Without a cluster it prints every step in order, and renders every release."""
    ended = run(SCRIPT, "--dry-run", "--tag", "152", helm=helm)
    assert ended.returncode == 0, ended.stderr
    steps = [line for line in ended.stdout.splitlines() if line.startswith("== ")]
    assert len(steps) == 7
    assert ended.stdout.endswith("Dry run: All steps passed.\n")
    assert ended.stderr.count("must be refused") == 3


def test_an_unknown_option_is_refused() -> None:
    """A misspelt option ends the script before its first step."""
    ended = run(SCRIPT, "--nothing")
    assert ended.returncode == 2
    assert "--nothing" in ended.stderr
