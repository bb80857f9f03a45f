"""Calls of a driver as files of a folder that machines share: what is to be done, and by whom.

    attempt-…/calls/
      0001.call       phase, folder and numbers, written once by the driver
      0001/17         the claim of number 17, created exclusively by its worker; its end is added
      0001.over       nothing of the call is free any more
      helper-2-1f0c…  grows every few seconds while the helper lives

A shared volume decides the form: only exclusive creation is atomic for all machines, no lock is,
and attributes may be stale. So nothing is renamed or replaced, whoever reads opens the file, and
text without its line end is not written yet.
"""

import importlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from modelsystem_shared import files
from modelsystem_trainer.engines.contract import Phase

FOLDER = "calls"  # of the attempt
_MOST_BYTES = 64 << 20
_DONE, _FAILED = "done", "failed "


@dataclass(frozen=True)
class Claim:
    """Who works on a number, and how that ended; both are unknown for a moment."""

    number: int
    worker: str = ""
    is_done: bool = False
    failure: str = ""


@dataclass(frozen=True)
class Call:
    """One call: `phase(folder, number)` for each of `numbers`."""

    control: Path
    serial: int
    phase: Phase
    folder: Path
    numbers: tuple[int, ...]

    @property
    def _claims(self) -> Path:
        return self.control / f"{self.serial:04}"

    @property
    def is_over(self) -> bool:
        """Whether the driver has ended the call, or its folder is gone."""
        return not self._claims.exists() or self._claims.with_suffix(".over").exists()

    def begin(self) -> None:
        """Let helpers see the call."""
        self._claims.mkdir()
        content = {
            "phase": phase_name(self.phase),
            "folder": os.path.relpath(self.folder, self.control),
            "numbers": self.numbers,
        }
        files.write_new(self._claims.with_suffix(".call"), f"{json.dumps(content)}\n".encode())

    def end(self) -> None:
        """Let no helper begin another number."""
        files.write_new(self._claims.with_suffix(".over"), b"\n")

    def take(self, worker: str, begin: int = 0) -> int | None:
        """Claim a free number, from the place `begin` on; None if all are taken.

        Raises:
            OSError: the volume cannot hold the claim, or the call is gone.

        """
        taken = {path.name for path in self._claims.iterdir()}
        begin %= len(self.numbers)
        for number in (*self.numbers[begin:], *self.numbers[:begin]):
            if str(number) not in taken and self._create(number, worker):
                return number
        return None

    def _create(self, number: int, worker: str) -> bool:
        try:
            files.write_new(self._claims / str(number), f"{worker}\n".encode())
        except FileExistsError:  # the listing was older
            return False
        return True

    def release(self, number: int) -> None:
        """Let another worker take a number: its worker may be dead, and does no harm if not."""
        (self._claims / str(number)).unlink(missing_ok=True)

    def finish(self, number: int) -> None:
        """Say that the part of a number is written."""
        files.append(self._claims / str(number), f"{_DONE}\n".encode())

    def fail(self, number: int, reason: str) -> None:
        """Say that the worker of a number could not do it."""
        sentence = " ".join(reason.split())
        files.append(self._claims / str(number), f"{_FAILED}{sentence}\n".encode())

    def claims(self, left: set[int]) -> Iterator[Claim]:
        """Yield the claims of the numbers that are left."""
        for path in self._claims.iterdir():
            if (number := int(path.name)) in left:
                try:
                    yield _claim(number, path.read_bytes())
                except FileNotFoundError:  # the listing was older
                    continue


def _claim(number: int, content: bytes) -> Claim:
    lines = content.decode(errors="replace").split("\n")[:-1]
    ends = lines[1:] if lines and lines[0] != _DONE else lines
    failures = [line.removeprefix(_FAILED) for line in ends if line.startswith(_FAILED)]
    return Claim(
        number,
        worker=lines[0] if lines and lines[0] != _DONE else "",
        is_done=_DONE in ends,
        failure=failures[-1] if failures else "",
    )


def latest(control: Path, packages: Sequence[str]) -> Call | None:
    """Return the call that a driver has begun and not ended; None without one.

    packages: phases are functions of their modules; a call of any other function is refused.

    Raises:
        ValueError: it is not a call that a driver writes.

    """
    names = {path.name for path in control.iterdir()}
    serials = [int(name.partition(".")[0]) for name in names if name.endswith(".call")]
    if not serials or f"{max(serials):04}.over" in names:
        return None
    content = files.read_bounded(control / f"{max(serials):04}.call", _MOST_BYTES)
    return _parsed(control, max(serials), content, packages) if content.endswith(b"\n") else None


def _parsed(control: Path, serial: int, content: bytes, packages: Sequence[str]) -> Call:
    described = json.loads(content)
    folder = Path(os.path.normpath(control / described["folder"]))
    name = described["phase"]
    if not any(f"{name.partition(':')[0]}.".startswith(f"{package}.") for package in packages):
        raise ValueError(f"{name} is no phase")
    return Call(control, serial, phase_of(name), folder, tuple(described["numbers"]))


def phase_name(phase: Phase) -> str:
    """Return the name by which another process imports a phase."""
    return f"{phase.__module__}:{phase.__qualname__}"


def phase_of(name: str) -> Phase:
    """Import a phase by its name.

    Raises:
        ValueError: it is not a function of that module.

    """
    module, _, function = name.partition(":")
    phase = getattr(importlib.import_module(module), function)
    if getattr(phase, "__module__", None) != module:
        raise ValueError(f"{name} is no phase")
    return cast(Phase, phase)
