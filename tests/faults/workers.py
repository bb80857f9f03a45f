"""The workers of each engine as processes, of which a test kills any at any instant."""

import multiprocessing
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Protocol

from tests.faults.preloaded import Fork, Preloaded

from modelsystem_shared import progress
from modelsystem_shared.progress import Progress

Environ = dict[str, str]


class Workers(Protocol):
    """The workers of one engine.

    most_kills: of a round; an engine gives up if workers die again and again and nothing is done,
        five times or, with Spark, three times, and once they may have died before the round.
    """

    engine: str
    most_kills: int

    def pids(self) -> list[int]:
        """Return the processes that work or wait for work."""

    def replace_dead(self) -> None:
        """Start others in the place of the dead, if the engine does not do that itself."""


class OfProcesses:
    """The children of this process."""

    engine, most_kills = "processes", 3

    def pids(self) -> list[int]:
        """See `Workers`."""
        return [child.pid for child in multiprocessing.active_children() if child.pid]

    def replace_dead(self) -> None:
        """See `Workers`; the engine does it."""


class OfSpark:
    """The Python workers of a local Spark, and the daemon that forks them.

    They are known by their environment: without their daemon they work on, as nobody's children.
    """

    engine, most_kills = "spark", 1

    def __init__(self, model_folder: Path) -> None:
        """Look for those with this MODELFOLDER."""
        self._model_folder = str(model_folder)

    def pids(self) -> list[int]:
        """See `Workers`."""
        return [pid for pid in started_for(self._model_folder) if "pyspark.daemon" in command(pid)]

    def replace_dead(self) -> None:
        """See `Workers`; Spark does it."""


class OfIndexedJob:
    """The helpers of an Indexed Job, each the real program in a fork of its own."""

    engine, most_kills = "indexed", 100

    def __init__(self, indexes: range, environ: Environ) -> None:
        """Start one for each index."""
        self._environ = environ
        self._servers = {index: Preloaded("trainer") for index in indexes}
        self._forks = {index: self._begin(index) for index in indexes}

    def _begin(self, index: int) -> Fork:
        variables = {"ENGINE": "indexed", "JOB_COMPLETION_INDEX": str(index)}
        fork = self._servers[index].prepare("trainer", self._environ | variables)
        fork.go()
        return fork

    def pids(self) -> list[int]:
        """See `Workers`."""
        return [fork.pid for fork in self._forks.values()]

    def replace_dead(self) -> None:
        """Let another pod of the same index begin, as the Job does."""
        for index, fork in self._forks.items():
            if not is_alive(fork.pid):
                fork.end()
                self._forks[index] = self._begin(index)

    def close(self) -> None:
        """End all."""
        for index, fork in self._forks.items():
            with suppress(ProcessLookupError):
                fork.kill()
            fork.end()
            self._servers[index].__exit__(None, None, None)


class Killer:
    """Kills random workers at random instants, until a number of them is killed."""

    def __init__(self, workers: Workers, total: int, seed: int) -> None:
        """Begin with `kill_while`."""
        self.kills, self.total = 0, total
        self._workers, self._rng = workers, random.Random(seed)

    @contextmanager
    def kill_while(self, most_seconds: float, most_kills: int) -> Iterator[None]:
        """Kill some workers during the context, with pauses of up to some seconds."""
        last = min(self.kills + most_kills, self.total)

        def kill(is_over: threading.Event) -> None:
            while not is_over.wait(self._rng.uniform(0, most_seconds)) and self.kills < last:
                if pids := sorted(self._workers.pids()):
                    with suppress(ProcessLookupError):
                        os.kill(self._rng.choice(pids), signal.SIGKILL)
                        self.kills += 1
                    self._workers.replace_dead()

        with _meanwhile(kill):
            yield


@contextmanager
def beating(attempt: Path) -> Iterator[None]:
    """Give the signs of life of a driver's attempt."""

    def beat(is_over: threading.Event) -> None:
        for number in count():
            progress.append(attempt, Progress("fit", 0.0, number))
            if is_over.wait(5):
                return

    with _meanwhile(beat):
        yield


@contextmanager
def _meanwhile(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run `work` in a thread during the context; its event says that the context is over."""
    is_over = threading.Event()
    thread = threading.Thread(target=work, args=(is_over,))
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def command(pid: int) -> str:
    """Return the command line of a process; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def started_for(model_folder: str) -> list[int]:
    """Return the programs that were started with this MODELFOLDER, forks left out."""
    variable = f"MODELFOLDER={model_folder}\0".encode()
    pids = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if variable in path.read_bytes():
                pids.append(int(path.parent.name))
    return pids


def is_alive(pid: int) -> bool:
    """Whether a process has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
