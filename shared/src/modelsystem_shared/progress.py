"""What a training says of itself while it runs: a progress file, and why it failed.

Both lie in the attempt's folder. A heartbeat's age is for the reader's own monotonic clock
to judge: it sees whether the file still changes, and compares no clocks.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from modelsystem_shared import files

PROGRESS = "progress.jsonl"
FAILED = "failed.json"
_TAIL = 4096


@dataclass(frozen=True)
class Progress:
    """One line of the progress file; `done` is the phase's share done, from 0 to 1."""

    phase: str
    done: float
    beat: int

    def __str__(self) -> str:
        return f"{self.phase}, {self.done:.0%} done"


@dataclass(frozen=True)
class Failure:
    """Why an attempt failed, in one sentence, and whether the same again may succeed."""

    reason: str
    retry_helps: bool
    exit_code: int


def append(attempt: Path, progress: Progress) -> None:
    """Add a line to the attempt's progress file."""
    files.append(attempt / PROGRESS, (json.dumps(asdict(progress)) + "\n").encode())


def latest(attempt: Path) -> Progress | None:
    """Return the last whole line of the attempt's progress file, or None."""
    try:
        with (attempt / PROGRESS).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            lines = file.read(_TAIL).split(b"\n")[:-1]
        return Progress(**json.loads(lines[-1]))
    except (OSError, ValueError, TypeError, IndexError):
        return None


def fail(attempt: Path, failure: Failure) -> None:
    """Publish the attempt's failure; the first one stands."""
    content = (json.dumps(asdict(failure), ensure_ascii=False) + "\n").encode()
    try:
        files.write_new(attempt / FAILED, content)
    except FileExistsError:
        return


def failure(attempt: Path) -> Failure | None:
    """Return why the attempt failed, or None while that is not, or not wholly, known."""
    try:
        content = files.read_bounded(attempt / FAILED, 1 << 16)
        return Failure(**json.loads(content))
    except (OSError, ValueError, TypeError):
        return None
