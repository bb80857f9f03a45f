"""Killed or run twice at once, many times: the programs are forks, so that imports cost nothing.

FAULTS multiplies the counts: `make test-faults FAULTS=10` kills 2,000 trainings, and lets 200 pairs
race. `tests/integration/test_faults.py` has the same with the console scripts, some times.
"""

import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path

import pytest
from tests.faults.preloaded import Fork, Preloaded
from tests.integration.test_faults import SINCE, is_complete, leave_short_marker, listed, stage

from modelsystem_shared import folder, marker

Environ = dict[str, str]
EnvironOf = Callable[[Path], Environ]
AT_ONCE = 2
FAULTS = float(os.environ.get("FAULTS", "1"))


def wait_for(pattern: str, model_folder: Path, fork: Fork) -> float:
    """Wait until a training has written such a file, or has ended; return the time of that."""
    while pattern and Path(f"/proc/{fork.pid}").exists() and not any(model_folder.glob(pattern)):
        time.sleep(0.0005)
    return time.monotonic()


def spans(preloaded: Preloaded, environ: Environ) -> dict[str, float]:
    """Return the seconds of an undisturbed training from each of SINCE to its publication."""
    model_folder = Path(environ["MODELFOLDER"])
    fork = preloaded.prepare("trainer", environ)
    fork.go()
    times = {pattern: wait_for(pattern, model_folder, fork) for pattern in SINCE}
    published = wait_for(marker.NAME, model_folder, fork)
    assert fork.end().code == 0
    return {pattern: published - moment for pattern, moment in times.items()}


def kill(
    preloaded: Preloaded, environ: Environ, rng: random.Random, seconds: dict[str, float]
) -> bool:
    """Kill a training at a random instant after one of SINCE; False if it had ended before."""
    fork, pattern = preloaded.prepare("trainer", environ), rng.choice(SINCE)
    fork.go()
    wait_for(pattern, Path(environ["MODELFOLDER"]), fork)
    time.sleep(rng.uniform(0, 1.2 * seconds[pattern]))
    with suppress(ProcessLookupError):
        fork.kill()
    return fork.end().code == -signal.SIGKILL


def check_recovery(preloaded: Preloaded, environ: Environ) -> None:
    """Check that the model is absent or complete, and that the next training succeeds."""
    model_folder = Path(environ["MODELFOLDER"])
    was_complete = is_complete(model_folder)
    before = folder.marker_bytes(model_folder)
    ended = preloaded.run("trainer", environ)
    assert ended.code == 0, ended.output
    assert ("Already complete" if was_complete else "Wrote:") in ended.output
    assert is_complete(model_folder)
    assert not was_complete or folder.marker_bytes(model_folder) == before


def kills(numbers: range, root: Path, environ_of: EnvironOf) -> Counter[str]:
    """Kill a training for each number, each in a folder of its own; count the stages reached."""
    stages: Counter[str] = Counter()
    with Preloaded("trainer") as preloaded:
        measured = spans(preloaded, environ_of(root / f"measured-{numbers.start}"))
        for number in numbers:
            rng = random.Random(number)
            environs = (environ_of(root / f"{number}-{attempt}") for attempt in count())
            environ = next(e for e in environs if kill(preloaded, e, rng, measured))
            stages[stage(Path(environ["MODELFOLDER"]))] += 1
            check_recovery(preloaded, environ)
            for path in root.glob(f"{number}-*"):
                shutil.rmtree(path)
    return stages


@pytest.mark.faults
def test_killed_at_many_random_instants(
    memory: Path, environ_of_training: EnvironOf, report: Callable[[str], None]
) -> None:
    """Whenever a training is killed, its model is absent or complete, and the next succeeds."""
    total = int(200 * FAULTS)
    shares = [range(n * total // AT_ONCE, (n + 1) * total // AT_ONCE) for n in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        parts = pool.map(lambda numbers: kills(numbers, memory, environ_of_training), shares)
        stages = sum(parts, Counter[str]())
    report(
        f"{stages.total()} of {total} kills at random instants: absent or complete, "
        f"next training succeeded ({listed(stages)})"
    )
    assert stages.total() == total


@pytest.mark.faults
def test_two_trainers_at_once_many_times(
    memory: Path, environ_of_training: EnvironOf, report: Callable[[str], None]
) -> None:
    """One publishes, the other logs that it is not needed; both end with 0, with one model."""
    total, words = int(20 * FAULTS), Counter[str]()
    with ExitStack() as stack:
        pair = [stack.enter_context(Preloaded("trainer")) for _ in range(2)]
        for number in range(total):
            model_folder = memory / str(number)
            if number % 4 == 0:
                leave_short_marker(model_folder)
            words[race(pair, environ_of_training(model_folder))] += 1
            assert is_complete(model_folder)
    report(
        f"{words.total()} of {total} races of two trainers, every fourth over a dead trainer's "
        f"marker: one model, both ended 0 ({listed(words)})"
    )
    assert words.total() == total


def race(pair: list[Preloaded], environ: Environ) -> str:
    """Start two trainers on one folder at once; return what the second of them logs."""
    forks = [preloaded.prepare("trainer", environ, hasty=False) for preloaded in pair]
    for fork in forks:
        fork.go()
    ends = [fork.end() for fork in forks]
    assert [ended.code for ended in ends] == [0, 0], ends
    (second,) = (ended.output for ended in ends if "Wrote:" not in ended.output)
    return next(word for word in ("Stood back", "Already complete") if word in second)
