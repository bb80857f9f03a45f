"""One marker stands, however many trainers publish at the same moment."""

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier

import pytest
from tests.programs import running

from modelsystem_shared import folder, marker, publication
from modelsystem_shared.errors import StorageError
from modelsystem_shared.manifest import Manifest
from modelsystem_shared.marker import Marker

PIPES = {"text": True, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
MakeMarker = Callable[..., Marker]
MakeAttempt = Callable[..., tuple[Path, Manifest]]
PUBLISHER = """
import sys
from pathlib import Path
from modelsystem_shared import publication
from modelsystem_shared.marker import Marker
ours = Marker("1", f"attempt-{sys.argv[1]}", "13", "0" * 64)
print("ready", flush=True)
for folder in sys.stdin:
    print(publication.place(Path(folder.strip()), ours).attempt, flush=True)
"""


def test_a_published_attempt_is_complete(tmp_path: Path, make_attempt: MakeAttempt) -> None:
    """After `publish`, and not before, a reader finds a whole model."""
    attempt, content = make_attempt()
    assert folder.read_marker(tmp_path) is None
    standing = publication.publish(tmp_path, attempt, content, "0.148812")
    published = folder.published(tmp_path)
    folder.verify(published)
    assert standing == published.marker
    assert (standing.score, standing.attempt) == ("0.148812", attempt.name)


def test_files_are_described_as_they_are(make_attempt: MakeAttempt) -> None:
    """Size and digest are those on the disk."""
    attempt, _ = make_attempt()
    (file,) = publication.describe(attempt, ["items.ends.npy"])
    assert (file.name, file.size) == ("items.ends.npy", 4)


def test_who_comes_second_stands_back(tmp_path: Path, make_attempt: MakeAttempt) -> None:
    """The second trainer gets the first one's marker and touches nothing of theirs."""
    first = publication.publish(tmp_path, *make_attempt("attempt-a"), "1")
    second = publication.publish(tmp_path, *make_attempt("attempt-b"), "2")
    assert second == first
    folder.verify(folder.published(tmp_path))


def test_threads_that_publish_at_once_agree(tmp_path: Path, make_marker: MakeMarker) -> None:
    """Of eight publishers, twenty times, one stands and all return it."""
    together = Barrier(8)

    def place(number: int, target: Path) -> Marker:
        together.wait()
        return publication.place(target, make_marker(f"attempt-{number}"))

    with ThreadPoolExecutor(8) as pool:
        for race in range(20):
            target = tmp_path / str(race)
            target.mkdir()
            returned = set(pool.map(place, range(8), [target] * 8))
            assert returned == {folder.read_marker(target)}
            assert [path.name for path in target.iterdir()] == [marker.NAME]


def test_processes_that_publish_at_once_agree(tmp_path: Path) -> None:
    """The same holds between processes, which share nothing but the folder."""
    commands = [[sys.executable, "-c", PUBLISHER, str(number)] for number in range(4)]
    with ExitStack() as stack:
        _race(tmp_path, [stack.enter_context(running(command, **PIPES)) for command in commands])


def _race(root: Path, publishers: "list[subprocess.Popen[str]]") -> None:
    assert [_line(publisher) for publisher in publishers] == ["ready"] * 4
    for race in range(20):
        target = root / str(race)
        target.mkdir()
        for publisher in publishers:
            assert publisher.stdin
            publisher.stdin.write(f"{target}\n")
            publisher.stdin.flush()
        returned = {_line(publisher) for publisher in publishers}
        standing = folder.read_marker(target)
        assert standing
        assert returned == {standing.attempt}
    for publisher in publishers:
        publisher.communicate(timeout=10)
        assert publisher.returncode == 0


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_dead_trainers_short_marker_is_removed(
    tmp_path: Path, make_marker: MakeMarker, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    """A marker that stays short does so for DEAD_AFTER seconds; then the next one publishes."""
    monkeypatch.setattr(publication, "DEAD_AFTER", 0.3)
    whole = make_marker("attempt-dead").to_bytes()
    (tmp_path / marker.NAME).write_bytes(whole[: int(len(whole) * share)])
    ours, start = make_marker("attempt-ours"), time.monotonic()
    assert publication.place(tmp_path, ours) == ours == folder.read_marker(tmp_path)
    assert time.monotonic() - start >= 0.3
    assert [path.name for path in tmp_path.iterdir()] == [marker.NAME]


def test_a_short_marker_that_becomes_whole_in_time_is_respected(
    tmp_path: Path, make_marker: MakeMarker
) -> None:
    """Its writer was slow, not dead: theirs is the model."""
    theirs = make_marker("attempt-theirs")
    content = theirs.to_bytes()
    (tmp_path / marker.NAME).write_bytes(content[:9])
    with ThreadPoolExecutor(1) as pool:
        ours = pool.submit(publication.place, tmp_path, make_marker("attempt-ours"))
        time.sleep(0.3)
        with (tmp_path / marker.NAME).open("ab") as file:
            file.write(content[9:])
        assert ours.result(timeout=5) == theirs == folder.read_marker(tmp_path)


def test_a_burial_that_catches_a_live_marker_restores_it(
    tmp_path: Path, make_marker: MakeMarker
) -> None:
    """A marker that becomes whole while it is removed is put back."""
    theirs = make_marker("attempt-theirs")
    (tmp_path / marker.NAME).write_bytes(theirs.to_bytes())
    publication.remove_short_marker(tmp_path)
    assert folder.read_marker(tmp_path) == theirs
    assert [path.name for path in tmp_path.iterdir()] == [marker.NAME]


def test_a_marker_that_is_gone_needs_no_burial(tmp_path: Path) -> None:
    """Another trainer removed it first."""
    publication.remove_short_marker(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("room", [0, 100])
def test_a_full_disk_leaves_no_marker(tmp_path: Path, make_marker: MakeMarker, room: int) -> None:
    """A marker of which only a part could be written is taken back at once."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        with pytest.raises(OSError):  # noqa: PT011 # any kind of it: EFBIG, or ours
            publication.place(tmp_path, make_marker())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_a_marker_that_nobody_could_read_is_an_error(
    tmp_path: Path, make_marker: MakeMarker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A marker that does not read back whole is never left standing."""
    monkeypatch.setattr(publication, "DEAD_AFTER", 0.0)
    with pytest.raises(StorageError, match="does not keep the content that was written"):
        publication.place(tmp_path, make_marker(score="nan"))
    assert list(tmp_path.iterdir()) == []
