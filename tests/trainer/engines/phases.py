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


def slow_square(folder: Path, number: int) -> None:
    """Take a moment, so that several workers get their share."""
    time.sleep(0.05)
    square(folder, number)


def fail_elsewhere(folder: Path, number: int) -> None:
    """Fail in every process but the driver's, whose id is in the folder."""
    if os.getpid() != int((folder / "driver").read_text()):
        raise OSError("this pod's disk is broken")
    slow_square(folder, number)


def hang_at_first(folder: Path, number: int) -> None:
    """Work for very long the first time that another process than the driver's works."""
    is_driver = os.getpid() == int((folder / "driver").read_text())
    if not is_driver and not any(folder.glob("hangs-*")):
        (folder / f"hangs-{number}").touch()
        time.sleep(600)
    slow_square(folder, number)
