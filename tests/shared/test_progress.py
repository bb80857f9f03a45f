"""A training tells how far it is, and why it failed."""

from pathlib import Path

import pytest

from modelsystem_shared import progress
from modelsystem_shared.progress import Failure, Progress

FAILURE = Failure("column user_id is missing in 2018-05-08.csv", retry_helps=False, exit_code=3)


def test_the_latest_line_is_read(tmp_path: Path) -> None:
    """Of many heartbeats, however long the file, the last one counts."""
    for beat in range(500):
        progress.append(tmp_path, Progress("fit", beat / 500, beat))
    assert progress.latest(tmp_path) == Progress("fit", 499 / 500, 499)


def test_a_line_half_seen_does_not_count(tmp_path: Path) -> None:
    """A reader on another node sees the line before until the new one is whole."""
    progress.append(tmp_path, Progress("read", 0.5, 1))
    with (tmp_path / progress.PROGRESS).open("ab") as file:
        file.write(b'{"phase": "fit", "done": 0.1, "be')
    assert progress.latest(tmp_path) == Progress("read", 0.5, 1)


@pytest.mark.parametrize("content", [None, b"", b"\n", b"[]\n", b"{}\n", b"\xff\n", b"no end"])
def test_no_progress_is_none(tmp_path: Path, content: bytes | None) -> None:
    """A file that is missing, empty or malformed has no progress."""
    if content is not None:
        (tmp_path / progress.PROGRESS).write_bytes(content)
    assert progress.latest(tmp_path) is None


def test_progress_reads_well() -> None:
    """A person sees the phase and a percentage."""
    assert str(Progress("fit", 0.256, 3)) == "fit: 26 %"
    assert all(progress.is_progress(str(Progress("fit", done, 3))) for done in (0.0, 0.256, 1.0))
    assert not any(map(progress.is_progress, ("Fit: 26 %", "fit: 26 % done", "Score: 0.1", "")))


def test_a_failure_is_read_back(tmp_path: Path) -> None:
    """The reason, and whether a retry helps, reach the waiter."""
    progress.fail(tmp_path, FAILURE)
    assert progress.failure(tmp_path) == FAILURE


def test_the_first_failure_stands(tmp_path: Path) -> None:
    """What follows from a failure does not hide it."""
    progress.fail(tmp_path, FAILURE)
    progress.fail(tmp_path, Failure("stopped", retry_helps=True, exit_code=1))
    assert progress.failure(tmp_path) == FAILURE


def test_a_failure_cut_anywhere_is_not_known_yet(tmp_path: Path) -> None:
    """A reader on another node waits until it sees the whole file."""
    progress.fail(tmp_path, FAILURE)
    path = tmp_path / progress.FAILED
    whole = path.read_bytes().rstrip()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert progress.failure(tmp_path) is None


def test_no_failure_is_none(tmp_path: Path) -> None:
    """An attempt that lives has no failure."""
    assert progress.failure(tmp_path) is None
