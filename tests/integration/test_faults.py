"""Killed or run twice at once, a training leaves a whole model or none, and the next succeeds."""

import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.integration.conftest import BUILD, QUICK, command, environment, run

from modelsystem_shared import folder, manifest, marker, progress, settings
from modelsystem_waiter.observation import observe
from modelsystem_waiter.settings import Settings

AT_ONCE = 2  # trainings that compute
ASLEEP = 4  # trainings that mostly wait until a short marker counts as dead
SAMPLE = 5  # every fifth folder is also given to a waiter process

Environ = dict[str, str]
InFolder = Callable[[Path], Environ]


@pytest.fixture
def in_folder(small_export: Path) -> InFolder:
    """Return a function that gives the environment of a training of about a second."""

    def variables(model_folder: Path) -> Environ:
        return environment(
            MODELFOLDER=model_folder,
            CSV_FOLDER=small_export,
            THREADS=1,
            OPENBLAS_NUM_THREADS=1,
            **QUICK,
        )

    return variables


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Return a function that prints past pytest's capture."""

    def write(sentence: str) -> None:
        with capsys.disabled():
            print(f"\n{sentence}")

    return write


def listed(counts: Counter[str]) -> str:
    """Return counts as text."""
    return ", ".join(f"{number} {name}" for name, number in counts.items())


# Checks after each fault


def is_complete(model_folder: Path) -> bool:
    """Whether a new waiter finds the model complete and verified; otherwise it must be absent."""
    environ = {"MODELFOLDER": str(model_folder), "BUILDNUMBER": BUILD}
    observation = observe(settings.read(Settings, environ))
    assert observation.mismatch is None
    assert observation.trouble is None
    return observation.model is not None


def check_waiter(model_folder: Path, code: int) -> None:
    """Check the exit code of a waiter process that checks the folder once."""
    ended = run("waiter", MODELFOLDER=model_folder, BUILDNUMBER=BUILD, WAIT_TIMEOUT=0)
    assert ended.code == code, ended.output


def check_recovery(environ: Environ, *, with_waiter: bool) -> None:
    """Check that the model is absent or complete, and that the next training succeeds."""
    model_folder = Path(environ["MODELFOLDER"])
    was_complete = is_complete(model_folder)
    if with_waiter:
        check_waiter(model_folder, 0 if was_complete else 1)
    before = folder.marker_bytes(model_folder)
    ended = run("trainer", **environ)
    assert ended.code == 0, ended.output
    assert ("Already complete" if was_complete else "Wrote:") in ended.output
    assert is_complete(model_folder)
    if was_complete:
        assert folder.marker_bytes(model_folder) == before
    if with_waiter:
        check_waiter(model_folder, 0)


# SIGKILL at random instants

# Importing libraries is most of a training: two kills of three come after it has created its folder
# or its first model file.
SINCE = ("", "attempt-*", "attempt-*/*.npy")


def begin(environ: Environ) -> "subprocess.Popen[bytes]":
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command("trainer"), env=environ, stdout=quiet, stderr=quiet)


def wait_for_file(pattern: str, environ: Environ, process: "subprocess.Popen[bytes]") -> float:
    """Wait until a training has written such a file, or has ended; return the time of that."""
    while pattern and process.poll() is None:
        if any(Path(environ["MODELFOLDER"]).glob(pattern)):
            break
        time.sleep(0.001)
    return time.monotonic()


def measured(environ: Environ) -> dict[str, float]:
    """Return the seconds of an undisturbed training from each of SINCE to its publication."""
    with begin(environ) as process:
        times = {pattern: wait_for_file(pattern, environ, process) for pattern in SINCE}
        published = wait_for_file(marker.NAME, environ, process)
    assert process.returncode == 0
    return {pattern: published - moment for pattern, moment in times.items()}


def killed(environ: Environ, rng: random.Random, spans: dict[str, float]) -> bool:
    """Kill a training at a random instant, up to a little after its publication.

    Returns False if the training had ended before: no two take equally long.
    """
    with begin(environ) as process:
        pattern = rng.choice(SINCE)
        wait_for_file(pattern, environ, process)
        time.sleep(rng.uniform(0, 1.2 * spans[pattern]))
        process.kill()
    return process.returncode == -signal.SIGKILL


def stage(model_folder: Path) -> str:
    """Return the stage that the first attempt in a folder reached."""
    if (content := folder.marker_bytes(model_folder)) is not None:
        return "complete" if marker.parse(content) else "marker short"
    attempts = folder.attempts(model_folder)
    names = {path.name for attempt in attempts for path in attempt.iterdir()}
    if manifest.NAME in names:
        return "manifest written"
    if names - {progress.PROGRESS}:
        return "writing"
    return "training" if attempts else "nothing written"


def kill_at_random_instants(kills: int, root: Path, in_folder: InFolder) -> Counter[str]:
    """Kill `kills` trainings, each in a folder of its own, and count the stages they reached."""
    spans = measured(in_folder(root / "measured"))

    def kill(number: int) -> str:
        rng = random.Random(number)
        folders = (root / f"{number}-{attempt}" for attempt in count())
        environs = map(in_folder, folders)
        environ = next(environ for environ in environs if killed(environ, rng, spans))
        reached = stage(Path(environ["MODELFOLDER"]))
        check_recovery(environ, with_waiter=number % SAMPLE == 0)
        return reached

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Counter(pool.map(kill, range(kills)))


def test_killed_at_random_instants(tmp_path: Path, in_folder: InFolder) -> None:
    """Whenever a training is killed, its model is absent or complete, and the next succeeds."""
    assert kill_at_random_instants(6, tmp_path, in_folder).total() == 6


# SIGKILL at each file-system call below MODELFOLDER

# Names are fixed, so that all paths can be given to strace; a short marker counts as dead at once,
# and there is no heartbeat, so that every run makes the same calls.
KNOWN = "attempt-known"
DRIVER = f"""
import secrets
from modelsystem_shared import folder, publication
folder.new_attempt_name = lambda: "{KNOWN}"
secrets.token_hex = lambda count: "known"
publication.DEAD_AFTER = 0
from modelsystem_trainer.publishing import attempt
attempt.HEARTBEAT = 3600
from modelsystem_trainer.__main__ import main
main()
"""


class Call(NamedTuple):
    """A system call on a path below MODELFOLDER: the `nth` of its name, as strace shows it."""

    name: str
    nth: int
    shown: str


class Tracer:
    """Runs trainings under strace, which sees only calls on paths below MODELFOLDER."""

    def __init__(self, strace: str, root: Path, in_folder: InFolder) -> None:
        """Train once without strace, for the names of the files that strace is to watch."""
        self.strace, self.root, self.in_folder = strace, root, in_folder
        assert run("trainer", **in_folder(root / "plain")).code == 0
        (attempt,) = folder.attempts(root / "plain")
        inner = [path.name for path in attempt.iterdir()] + [progress.FAILED]
        self.names = ["", marker.NAME, f"{marker.NAME}.dead-known", KNOWN]
        self.names += [f"{KNOWN}/{name}" for name in inner]

    def run(self, model_folder: Path, *options: str) -> tuple[int, list[Call]]:
        """Train, and return the exit code and the calls in order."""
        paths = [word for name in self.names for word in ("-P", str(model_folder / name))]
        log = self.root / f"{model_folder.name}.strace"
        watch = [self.strace, "-f", "-y", "-qq", "-o", str(log), *options, *paths]
        ended = subprocess.run(
            [*watch, sys.executable, "-c", DRIVER],
            env=self.in_folder(model_folder),
            stdout=subprocess.DEVNULL,
            check=False,
            timeout=120,
        )
        return ended.returncode, calls(log.read_text())

    def kill(self, model_folder: Path, call: Call) -> None:
        """Kill a training as it enters a call, which is then its last below MODELFOLDER."""
        inject = f"inject={call.name}:signal=KILL:when={call.nth}"
        code, trace = self.run(model_folder, "-e", inject)
        assert code == -signal.SIGKILL
        assert trace[-1].name == call.name  # strace counts the calls of each thread
        assert str(model_folder) in trace[-1].shown


def calls(log: str) -> list[Call]:
    """Return the calls in strace's log."""
    counts: Counter[str] = Counter()
    trace = []
    for line in log.splitlines():
        if match := re.match(r"\d+ +(\w+)\(", line):
            counts[match[1]] += 1
            trace.append(Call(match[1], counts[match[1]], line))
    return trace


@pytest.fixture
def tracer(strace: str, tmp_path: Path, in_folder: InFolder) -> Tracer:
    """Return a tracer of trainings."""
    return Tracer(strace, tmp_path, in_folder)


def leave_short_marker(model_folder: Path) -> None:
    """Write the marker of a trainer that died while it published."""
    model_folder.mkdir()
    (model_folder / marker.NAME).write_bytes(b"0.25")


def calls_of_a_training(tracer: Tracer) -> list[Call]:
    """List the calls of a training in a fresh folder."""
    code, trace = tracer.run(tracer.root / "traced")
    assert code == 0
    return trace


def calls_of_a_removal(tracer: Tracer) -> list[Call]:
    """List the calls of a training that removes a dead marker, from its own refused creation on."""
    leave_short_marker(tracer.root / "removing")
    code, trace = tracer.run(tracer.root / "removing")
    assert code == 0
    words = (f'/{marker.NAME}"', "EEXIST")
    first = next(i for i, call in enumerate(trace) if all(word in call.shown for word in words))
    assert {"rename", "unlink"} <= {call.name for call in trace[first:]}
    return trace[first:]


def kill_at_calls(
    tracer: Tracer, plain: Iterable[Call], removal: Iterable[Call] = ()
) -> Counter[str]:
    """Kill a training at each call, and at those of `removal` in a folder with a short marker."""
    cases = [(call, True) for call in removal] + [(call, False) for call in plain]

    def kill(number: int) -> str:
        call, has_short_marker = cases[number]
        model_folder = tracer.root / f"call-{number}"
        if has_short_marker:
            leave_short_marker(model_folder)
        tracer.kill(model_folder, call)
        reached = stage(model_folder)
        check_recovery(tracer.in_folder(model_folder), with_waiter=number % SAMPLE == 0)
        return reached

    with ThreadPoolExecutor(ASLEEP) as pool:
        return Counter(pool.map(kill, range(len(cases))))


def test_killed_at_calls(tracer: Tracer) -> None:
    """The same at each call on the marker, and at some of the others."""
    trace = calls_of_a_training(tracer)
    removal = [call for call in calls_of_a_removal(tracer) if call.name in ("rename", "unlink")]
    sample = [
        call
        for index, call in enumerate(trace)
        if marker.NAME in call.shown or index % (len(trace) // 6) == 0
    ]
    assert {call.name for call in sample} >= {"openat", "write", "fsync", "close", "read"}
    stages = kill_at_calls(tracer, sample, removal)
    assert stages["marker short"] == 2  # one before its bytes were written, one before its removal
    assert stages["complete"] >= 8


@pytest.mark.faults
def test_killed_at_every_call(tracer: Tracer, report: Callable[[str], None]) -> None:
    """The same at every call below MODELFOLDER."""
    trace, removal = calls_of_a_training(tracer), calls_of_a_removal(tracer)
    total = len(trace) + len(removal)
    stages = kill_at_calls(tracer, trace, removal)
    report(
        f"{stages.total()} of {total} kills at file-system calls below MODELFOLDER: absent or "
        f"complete, next training succeeded ({listed(stages)}; "
        f"{len(removal)} of them while it removes a dead trainer's marker)"
    )
    assert stages.total() == total


# Two trainers at once


def race(environ: Environ) -> str:
    """Start two trainers on one folder at once; return what the second of them logs."""
    with ThreadPoolExecutor(2) as pool:
        pair = list(pool.map(lambda _: run("trainer", **environ), range(2)))
    assert [ended.code for ended in pair] == [0, 0], pair
    (second,) = (ended.output for ended in pair if "Wrote:" not in ended.output)
    assert is_complete(Path(environ["MODELFOLDER"]))
    return next(word for word in ("Stood back", "Already complete") if word in second)


def races(rounds: int, root: Path, in_folder: InFolder) -> Counter[str]:
    """Let two trainers race `rounds` times; every fourth folder has a dead trainer's marker."""

    def race_in_folder(number: int) -> str:
        model_folder = root / str(number)
        if number % 4 == 0:
            leave_short_marker(model_folder)
        return race(in_folder(model_folder))

    with ThreadPoolExecutor(2) as pool:
        return Counter(pool.map(race_in_folder, range(rounds)))


def test_two_trainers_at_once(tmp_path: Path, in_folder: InFolder) -> None:
    """One publishes, the other logs that it is not needed; both end with 0, with one model."""
    assert races(4, tmp_path, in_folder).total() == 4
