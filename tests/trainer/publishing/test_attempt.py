"""One attempt: its folder, its heartbeat, its failure."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from modelsystem_shared import folder, marker, progress
from modelsystem_shared.errors import DataError, StorageError
from modelsystem_shared.progress import Failure, Progress
from modelsystem_trainer.publishing import attempt
from modelsystem_trainer.publishing.attempt import Attempt, record_failure


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_each_attempt_has_its_own_folder(tmp_path: Path) -> None:
    """Folders above it are made; two attempts have different ones."""
    target = tmp_path / "a" / "b"
    first, second = Attempt(target), Attempt(target)
    assert folder.attempts(target) == sorted([first.path, second.path])


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    """The sentence names the variable and the path."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=f"^MODELFOLDER: {tmp_path}/file/x cannot be used"):
        Attempt(tmp_path / "file" / "x")


def test_a_new_phase_is_written_at_once(tmp_path: Path) -> None:
    """A reader of the file sees the start of each phase."""
    with Attempt(tmp_path) as begun:
        assert progress.latest(begun.path) == Progress("start", 0.0, 0)
        begun.progress("read", 0.25)
        assert progress.latest(begun.path) == Progress("read", 0.25, 0)


def test_progress_is_logged_as_every_program_reads_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """`release deploy` finds the lines in the log by `progress.is_progress`."""
    caplog.set_level("INFO")
    with Attempt(tmp_path) as begun:
        for done in (0.0, 0.5, 1.0):
            begun.progress("fit", done)
    assert caplog.messages == ["fit: 0 %", "fit: 100 %"]
    assert all(map(progress.is_progress, caplog.messages))


def test_it_beats_while_it_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The heartbeat counts, has the share that is done, and ends with the attempt."""
    monkeypatch.setattr(attempt, "HEARTBEAT", 0.01)
    with Attempt(tmp_path) as begun:
        begun.progress("fit", 0.0)
        begun.progress("fit", 0.5)
        wait_until(lambda: (latest := progress.latest(begun.path)) is not None and latest.beat >= 3)
    latest = progress.latest(begun.path)
    assert latest
    assert (latest.phase, latest.done) == ("fit", 0.5)
    written = (begun.path / progress.PROGRESS).read_bytes()
    time.sleep(0.05)
    assert (begun.path / progress.PROGRESS).read_bytes() == written


def test_a_heartbeat_that_cannot_be_written_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says so, and the training continues."""
    with Attempt(tmp_path) as begun:
        begun.free_reserve()
        (begun.path / progress.PROGRESS).unlink()
        begun.path.rmdir()
        begun.progress("fit", 0.0)
    assert "The heartbeat cannot be written" in caplog.text


def test_a_failure_is_left_in_the_attempt(tmp_path: Path) -> None:
    """Its sentence, exit code, and whether a retry can help; the first one stands."""
    begun = Attempt(tmp_path)
    record_failure(tmp_path, begun.path, DataError("clicks.csv line 7: user_id is empty"))
    record_failure(tmp_path, begun.path, StorageError("later"))
    expected = Failure("clicks.csv line 7: user_id is empty", retry_helps=False, exit_code=3)
    assert progress.failure(begun.path) == expected


def test_a_failed_attempt_keeps_its_progress_and_its_reason_only(tmp_path: Path) -> None:
    """Half a model would fill the volume; nobody reads it without a marker."""
    with Attempt(tmp_path) as begun:
        (begun.path / "items.npy").write_bytes(b"half")
        record_failure(tmp_path, begun.path, StorageError("No space left on device"))
    names = {path.name for path in begun.path.iterdir()}
    assert names == {progress.PROGRESS, progress.FAILED}


@pytest.mark.parametrize("content", [b"", b"0.1\natt"])
def test_an_attempt_that_a_short_marker_may_name_is_left_alone(
    tmp_path: Path, content: bytes
) -> None:
    """It may be seen as short for a moment only."""
    begun = Attempt(tmp_path)
    (begun.path / "items.npy").write_bytes(b"whole")
    (tmp_path / marker.NAME).write_bytes(content)
    record_failure(tmp_path, begun.path, StorageError("later"))
    assert (begun.path / "items.npy").read_bytes() == b"whole"


def test_a_failure_before_any_attempt_gets_one(tmp_path: Path) -> None:
    """Even where the model folder does not exist yet."""
    target = tmp_path / "models" / "1"
    record_failure(target, None, StorageError("away"))
    (begun,) = folder.attempts(target)
    assert progress.failure(begun) == Failure("away", retry_helps=True, exit_code=5)
