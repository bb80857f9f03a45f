"""The checks are checked: each fault in `mutants`, put into a copy of the code, fails a test."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.faults.mutants import EQUIVALENT, MUTANTS, ROOT, Mutant

SOURCES = ("shared/src", "waiter/src")
AT_ONCE = 2
TESTS_FAILED = 1  # pytest's exit code


def survives(mutant: Mutant, folder: Path) -> str | None:
    """Return the output of the tests if they pass in spite of the fault."""
    for source in SOURCES:
        shutil.copytree(ROOT / source, folder / source)
    (folder / mutant.path).write_text(mutant.mutated(), encoding="utf-8")
    paths = os.pathsep.join(str(folder / source) for source in SOURCES)
    options = ["-x", "-q", "-m", "not faults", "-p", "no:cacheprovider"]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *mutant.arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ended.returncode in (0, TESTS_FAILED), ended.stdout
    return None if ended.returncode else ended.stdout


@pytest.mark.parametrize("mutant", [*MUTANTS, *EQUIVALENT], ids=lambda mutant: mutant.wrong[:40])
def test_a_mutant_is_a_change_of_the_code_as_it_is(mutant: Mutant) -> None:
    """Each fault is one of today's code, which still compiles with it."""
    compile(mutant.mutated(), mutant.path, "exec")


def test_one_mutant_is_killed(tmp_path: Path) -> None:
    """The copy with the fault is what the tests import: they fail."""
    assert survives(next(m for m in MUTANTS if "O_EXCL" in m.right), tmp_path / "mutant") is None


@pytest.mark.faults
def test_every_mutant_is_killed(tmp_path: Path, report: Callable[[str], None]) -> None:
    """Each fault but those that are equivalent fails one of its tests."""

    def output(number: int) -> str | None:
        return survives(MUTANTS[number], tmp_path / str(number))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        outputs = list(pool.map(output, range(len(MUTANTS))))
    survivors = [mutant for mutant, text in zip(MUTANTS, outputs, strict=True) if text]
    report(
        f"{len(MUTANTS) - len(survivors)} of {len(MUTANTS)} mutants killed, "
        f"and {len(EQUIVALENT)} equivalent: {'; '.join(EQUIVALENT.values())}"
    )
    assert not survivors
