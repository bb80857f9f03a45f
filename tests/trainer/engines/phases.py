"""Phases that tests run: worker processes import them by this name."""

import os
import time
from pathlib import Path

import numpy as np

from modelsystem_shared.errors import DataError
from modelsystem_trainer.engines import parts


def square(folder: Path, number: int) -> None:
    """Write the square of the number times what the input says."""
    factor = parts.mapped(folder / "input.npy")[number]
    parts.write(folder / f"square-{number}", np.array([number**2]) * factor, np.ones(number))


def die_at_first(folder: Path, number: int) -> None:
    """Kill the worker the first time, before or after it has written; then work."""
    first = folder / f"died-{number}"
    if number % 3 == 0 and not first.exists():
        first.touch()
        if number % 2:
            square(folder, number)
        os.kill(os.getpid(), 9)
    square(folder, number)


def die(_folder: Path, _number: int) -> None:
    """Kill the worker every time."""
    os.kill(os.getpid(), 9)


def fail_at_3(folder: Path, number: int) -> None:
    """Fail at number 3; each number leaves a file when it is begun."""
    (folder / f"begun-{number}").touch()
    if number == 3:
        raise DataError("number 3 is bad")
    time.sleep(0.01)


def pid(folder: Path, number: int) -> None:
    """Write the worker's process id, then work for very long."""
    (folder / f"pid-{number}").write_text(str(os.getpid()))
    time.sleep(600)


def square_together(folder: Path, number: int) -> None:
    """Wait until each of the folder's helpers works, then write the square."""
    (folder / f"works-{os.getpid()}").touch()
    _wait_for_files(folder, "works-*", int((folder / "workers").read_text()))
    square(folder, number)


def fail_elsewhere(folder: Path, number: int) -> None:
    """Fail in every process but the driver's, which waits for such a failure."""
    if not _is_driver(folder):
        (folder / "failed-elsewhere").touch()
        raise OSError("this pod's disk is broken")
    _wait_for_files(folder, "failed-elsewhere")
    square(folder, number)


def hang_at_first(folder: Path, number: int) -> None:
    """Work for very long the first time in another process than the driver's, which waits."""
    if not _is_driver(folder) and not any(folder.glob("hangs-*")):
        (folder / f"hangs-{number}").touch()
        time.sleep(600)
    _wait_for_files(folder, "hangs-*")
    square(folder, number)


def _is_driver(folder: Path) -> bool:
    return os.getpid() == int((folder / "driver").read_text())


def _wait_for_files(folder: Path, pattern: str, count: int = 1) -> None:
    """Wait: a fast driver would do all numbers before a helper takes its first."""
    deadline = time.monotonic() + 60
    while len(list(folder.glob(pattern))) < count and time.monotonic() < deadline:
        time.sleep(0.02)
