"""File events end a pause; without them there are still pauses."""

import os
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelsystem_waiter.wake import Waker

LONG = 30.0  # seconds: far longer than any event takes


@pytest.fixture
def no_descriptors() -> Iterator[None]:
    """Let this process open nothing more, as where all inotify instances are taken."""
    free = os.dup(0)
    os.close(free)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_written_file_ends_the_pause(tmp_path: Path) -> None:
    """Writing a file in the folder ends the pause early."""
    with Waker(tmp_path) as waker:
        (tmp_path / "complete.txt").write_text("0.1")
        began = time.monotonic()
        assert waker.pause(LONG)
        assert time.monotonic() - began < LONG / 2


def test_a_renamed_file_ends_the_pause(tmp_path: Path) -> None:
    """So does a file that is moved into the folder, as copying tools do."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "elsewhere").write_text("0.1")
    with Waker(tmp_path / "folder") as waker:
        (tmp_path / "elsewhere").rename(tmp_path / "folder" / "complete.txt")
        assert waker.pause(LONG)


def test_a_folder_that_comes_later(tmp_path: Path) -> None:
    """A folder that did not exist at first is listened to once it does."""
    folder = tmp_path / "later"
    with Waker(folder) as waker:
        assert not waker.pause(0.01)
        folder.mkdir()
        waker.pause(0.01)
        (folder / "complete.txt").write_text("0.1")
        assert waker.pause(LONG)


def test_a_folder_behind_a_symlink(tmp_path: Path) -> None:
    """A symlink to the folder is as good as the folder."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with Waker(tmp_path / "link") as waker:
        (tmp_path / "real" / "complete.txt").write_text("0.1")
        assert waker.pause(LONG)


def test_reading_does_not_end_the_pause(tmp_path: Path) -> None:
    """Our own reads wake no waiter, or it would spin."""
    (tmp_path / "complete.txt").write_text("0.1")
    with Waker(tmp_path) as waker:
        (tmp_path / "complete.txt").read_text()
        list(tmp_path.iterdir())
        assert not waker.pause(0.3)


def test_a_folder_that_goes_away(tmp_path: Path) -> None:
    """Pauses go on after the folder has been removed."""
    folder = tmp_path / "gone"
    folder.mkdir()
    with Waker(folder) as waker:
        folder.rmdir()
        assert not waker.pause(0.1)
        assert not waker.pause(0.1)


@pytest.mark.usefixtures("no_descriptors")
def test_no_events_to_be_had(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where the system has no events left, there is a plain pause, said once."""
    caplog.set_level("INFO")
    with Waker(tmp_path) as waker:
        assert not waker.pause(0.01)
        assert not waker.pause(0.01)
    assert [record.message[:14] for record in caplog.records] == ["No file events"]


def test_no_thread_is_left(tmp_path: Path) -> None:
    """All of its threads are gone at the exit."""
    before = set(threading.enumerate())
    with Waker(tmp_path):
        assert set(threading.enumerate()) > before
    assert set(threading.enumerate()) == before
