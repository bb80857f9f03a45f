"""A clock may be set while the programs run: no heartbeat, limit or duration depends on it.

Debian's faketime sets the wall clock that a program sees, by a file that can change while it runs;
the monotonic clock goes on, as it does when an operator or NTP sets a real clock. The scorer is not
among them: its libfaketime lets `time.sleep` fail at random (EINVAL), with which gunicorn ends.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.conftest import BUILD, Start
from tests.programs import debian_program, running

from modelsystem_shared import folder, manifest, progress
from modelsystem_shared.progress import Progress

JUMPS = ("+3600", "+86400", "-86400", "+0")  # seconds: an hour, a day, backwards, right again
HEART = """
import sys, time
from pathlib import Path
from modelsystem_trainer.publishing import attempt
attempt.HEARTBEAT = 0.05
with attempt.Attempt(Path(sys.argv[1])):
    print("beating", flush=True)
    sys.stdin.read()
"""


class Clock:
    """A wall clock that can be set."""

    def __init__(self, file: Path, library: Path) -> None:
        """Begin with the right time."""
        self._file = file
        self.environ = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        self.set("+0")

    def set(self, offset: str) -> None:
        """Let the clock differ from the right time by these seconds."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{offset}\n")
        fresh.replace(self._file)  # a program may be reading the time


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    """Return a clock for programs, by Debian's libfaketime."""
    debian_program("faketime", "faketime")
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        pytest.skip("faketime is installed without its library")
    made = Clock(tmp_path / "clock", library)
    made.set("-86400")
    year = [sys.executable, "-c", "import time; print(time.time(), time.monotonic())"]
    shown = subprocess.run(year, env=made.environ, capture_output=True, text=True, check=True)
    wall, monotonic = map(float, shown.stdout.split())
    assert -86500 < wall - time.time() < -86300  # it can be set
    assert abs(monotonic - time.monotonic()) < 60  # and this one cannot
    made.set("+0")
    return made


def test_a_heart_beats_on(clock: Clock, tmp_path: Path) -> None:
    """The trainer's heartbeat goes on at its pace through every jump."""
    command = [sys.executable, "-c", HEART, str(tmp_path / "model")]
    pipe = subprocess.PIPE
    with running(command, env=clock.environ, stdin=pipe, stdout=pipe) as process:
        assert process.stdout
        assert process.stdout.readline() == b"beating\n"
        (attempt,) = folder.attempts(tmp_path / "model")
        for jump in JUMPS:
            clock.set(jump)
            before = beat(attempt)
            wait_until(lambda before=before: beat(attempt) >= before + 3)
        process.communicate()
    assert process.returncode == 0


def beat(attempt: Path) -> int:
    """Return the number of the attempt's last heartbeat."""
    latest = progress.latest(attempt)
    return latest.beat if latest else 0


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait at most 20 s."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_training_takes_the_seconds_that_it_takes(
    clock: Clock, environ_of_training: Callable[[Path], dict[str, str]], start: Start, target: Path
) -> None:
    """A clock that is set back a day in between makes no training end before it began."""
    started = time.monotonic()
    program = start("trainer", **environ_of_training(target), **clock.environ)
    program.until("Build Number")
    clock.set("-86400")
    ended = program.end()
    assert ended.code == 0, ended.output
    path = folder.published(target).attempt / manifest.NAME
    assert 0 <= json.loads(path.read_text())["run"]["seconds"] <= time.monotonic() - started


def test_a_waiter_believes_heartbeats_and_no_clock(
    clock: Clock, start: Start, target: Path
) -> None:
    """Jumps kill no training that beats, and keep none alive that has stopped."""
    attempt = target / folder.new_attempt_name()
    attempt.mkdir(parents=True)
    waiter = start(
        "waiter",
        MODELFOLDER=target,
        BUILDNUMBER=BUILD,
        WAIT_INTERVAL=0.1,
        STALE_TIMEOUT=3,
        WAIT_TIMEOUT=60,
        **clock.environ,
    )
    for number, jump in enumerate(JUMPS * 2):
        progress.append(attempt, Progress("fit", 0.5, number))
        clock.set(jump)
        time.sleep(0.5)
        assert waiter.process.poll() is None, waiter.log.read_text()
    clock.set("-86400")
    stopped = time.monotonic()
    ended = waiter.end()
    assert ended.code == 3, ended.output
    assert "no heartbeat for 3 s" in ended.output
    assert time.monotonic() - stopped < 20
