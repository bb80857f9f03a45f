"""Killed or run twice at once, a training leaves a whole model or none, and the next succeeds."""

import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path

import pytest
from tests.integration.conftest import BUILD, QUICK
from tests.programs import command, environment, run, running

from modelsystem_shared import folder, manifest, marker, progress, settings
from modelsystem_waiter.observation import observe
from modelsystem_waiter.settings import Settings

AT_ONCE = 2  # trainings that compute
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


def begin(environ: Environ) -> "AbstractContextManager[subprocess.Popen[bytes]]":
    quiet = subprocess.DEVNULL
    return running(command("trainer"), env=environ, stdout=quiet, stderr=quiet)


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
        assert process.wait(60) == 0
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


# Two trainers at once


def leave_short_marker(model_folder: Path) -> None:
    """Write the marker of a trainer that died while it published."""
    model_folder.mkdir()
    (model_folder / marker.NAME).write_bytes(b"0.25")


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
