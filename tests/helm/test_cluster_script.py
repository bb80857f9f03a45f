"""The script for a real cluster, in its dry run."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.helm.charts import ROOT, Helm, find_kubectl
from tests.programs import debian_program

from modelsystem_release.__main__ import parser

SCRIPT = ROOT / "tests" / "e2e" / "cluster.sh"


def run(*arguments: str | Path, helm: Helm | None = None) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end, with a version of Helm if one is given."""
    environment = {**os.environ, "RELEASE": str(Path(sys.executable).with_name("release"))}
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
    """Without a cluster it prints every step in order, cuts its builds, and renders every release.

    Each line that it would run is one that Helm, kubectl and the release tool understand.
    """
    ended = run(SCRIPT, "--dry-run", "--tag", "152", helm=helm)
    assert ended.returncode == 0, ended.stderr
    for program, arguments in commands(ended.stderr):
        if program == "release":
            parser().parse_args(arguments)
        else:
            runner = helm if program == "helm" else find_kubectl()
            understood = runner.run(*arguments, "--help")
            assert understood.code == 0, (program, arguments, understood.errors)
    steps = [line for line in ended.stdout.splitlines() if line.startswith("== ")]
    assert len(steps) == 13
    assert ended.stdout.endswith("Dry run: All steps passed.\n")
    assert ended.stderr.count("must be refused") == 3
    assert ended.stderr.count("must end with") == 8


def commands(log: str) -> Iterator[tuple[str, list[str]]]:
    """Yield program and arguments of each command line in the script's log."""
    for line in log.splitlines():
        program, *arguments = shlex.split(line, comments=True)[1:] or [""]
        if line.startswith("+ ") and program in ("helm", "kubectl", "release"):
            yield program, arguments


def test_an_unknown_option_is_refused() -> None:
    """A misspelt option ends the script before its first step."""
    ended = run(SCRIPT, "--nothing")
    assert ended.returncode == 2
    assert "--nothing" in ended.stderr
