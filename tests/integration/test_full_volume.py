"""A real volume that is full: a training says so, and does not keep what fills it."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.integration.conftest import BUILD, QUICK
from tests.programs import Ended, run

from modelsystem_shared import folder, progress

Volume = Callable[[int], Path]
QUICKLY = {"WAIT_INTERVAL": 0.1, "STALE_TIMEOUT": 1}
NO_SPACE = "No space left on device"


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Volume]:
    """Return a function that mounts a file system of so many KiB, and returns its path."""
    mounted: list[Path] = []

    def mount(kilobytes: int) -> Path:
        path = tmp_path / f"volume-{len(mounted)}"
        path.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(path)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            pytest.skip(f"no file system can be mounted: {ended.stderr.strip()}")
        mounted.append(path)
        return path

    yield mount
    for path in mounted:
        subprocess.run(["umount", str(path)], check=True)


def train(model_folder: Path, export: Path) -> Ended:
    """Train."""
    return run("trainer", MODELFOLDER=model_folder, CSV_FOLDER=export, **QUICK)


def used(path: Path) -> int:
    """Return the bytes that are in use on a volume."""
    state = os.statvfs(path)
    return (state.f_blocks - state.f_bfree) * state.f_frsize


def test_a_training_that_fills_the_volume_leaves_its_reason_and_nothing_else(
    volume: Volume, small_export: Path
) -> None:
    """The waiter repeats the trainer's words; tries do not add up; with room the build is made."""
    mounted = volume(64)
    model_folder = mounted / BUILD
    ended = train(model_folder, small_export)
    assert ended.code == 5, ended.output
    assert NO_SPACE in ended.output
    (attempt,) = folder.attempts(model_folder)
    assert {path.name for path in attempt.iterdir()} == {progress.PROGRESS, progress.FAILED}
    before = used(mounted)
    assert train(model_folder, small_export).code == 5
    assert used(mounted) <= 2 * before
    waited = run("waiter", MODELFOLDER=model_folder, BUILDNUMBER=BUILD, **QUICKLY)
    assert waited.code == 3, waited.output
    assert NO_SPACE in waited.output.splitlines()[-1]
    assert "no heartbeat" not in waited.output
    subprocess.run(["mount", "-o", "remount,size=8m", str(mounted)], check=True)
    ended = train(model_folder, small_export)
    assert ended.code == 0, ended.output


def test_a_volume_that_is_full_already_is_named_by_both(volume: Volume, small_export: Path) -> None:
    """The training ends before it reads anything; the waiter sees for itself that it is full."""
    mounted = volume(64)
    model_folder = mounted / BUILD
    model_folder.mkdir()
    (mounted / "other").write_bytes(bytes(64 * 1024))
    ended = train(model_folder, small_export)
    assert ended.code == 5, ended.output
    assert f"MODELFOLDER: {model_folder} cannot be used: {NO_SPACE}" in ended.output
    waited = run("waiter", MODELFOLDER=model_folder, BUILDNUMBER=BUILD, **QUICKLY)
    assert waited.code == 3, waited.output
    assert "no space is left on its volume" in waited.output.splitlines()[-1]
