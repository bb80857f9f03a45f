"""The progress of a training and the reason of its failure, in files of the attempt's folder.

A reader judges the age of a heartbeat by its own monotonic clock, from whether the file still
changes: no two clocks are compared.
"""

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from modelsystem_shared import files

PROGRESS = "progress.jsonl"
FAILED = "failed.json"
_TAIL = 4096
_TEXT = re.compile(r"[a-z]+: \d{1,3} %")


@dataclass(frozen=True)
class Progress:
    """One line of the progress file; `done` is the share of the phase that is done, 0 to 1."""

    phase: str
    done: float
    beat: int

    def __str__(self) -> str:
        return f"{self.phase}: {self.done * 100:.0f} %"


@dataclass(frozen=True)
class Failure:
    """Why an attempt failed, in one sentence, and whether a retry can help."""

    reason: str
    retry_helps: bool
    exit_code: int


def is_progress(text: str) -> bool:
    """Return whether a log message is what `str(Progress)` gives, such as `search: 45 %`."""
    return _TEXT.fullmatch(text) is not None


def append(attempt: Path, progress: Progress) -> None:
    """Add a line to the attempt's progress file."""
    files.append(attempt / PROGRESS, (json.dumps(asdict(progress)) + "\n").encode())


def latest(attempt: Path) -> Progress | None:
    """Return the last whole line of the attempt's progress file; None without one."""
    try:
        with (attempt / PROGRESS).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            lines = file.read(_TAIL).split(b"\n")[:-1]
        return Progress(**json.loads(lines[-1]))
    except (OSError, ValueError, TypeError, IndexError):
        return None


def fail(attempt: Path, failure: Failure) -> None:
    """Publish the attempt's failure; an earlier one is kept."""
    content = (json.dumps(asdict(failure), ensure_ascii=False) + "\n").encode()
    try:
        files.write_new(attempt / FAILED, content)
    except FileExistsError:
        return


def failure(attempt: Path) -> Failure | None:
    """Return why the attempt failed; None if there is no whole file yet."""
    try:
        content = files.read_bounded(attempt / FAILED, 1 << 16)
        return Failure(**json.loads(content))
    except (OSError, ValueError, TypeError):
        return None
