"""The engine of several processes on one machine: for phases that hold Python's lock.

A worker that dies, for lack of memory for example, is replaced, and its numbers are done again.
"""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import TracebackType

from modelsystem_shared.errors import ModelSystemError
from modelsystem_trainer.engines.contract import OnShare, Phase
from modelsystem_trainer.engines.threads import collect

log = logging.getLogger(__name__)
MOST_DEATHS = 5  # one after the other, and no number was done in between


class Processes:
    """Runs phases in `workers` processes, which live as long as the context is open."""

    def __init__(self, workers: int) -> None:
        """Start no process yet."""
        self.workers = workers
        self._pool = _pool(workers)

    def __enter__(self) -> "Processes":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def run(
        self,
        phase: Phase,
        folder: Path,
        numbers: Sequence[int],
        on_share: OnShare = lambda _: None,
    ) -> None:
        """Call `phase` for each number; see `Engine`.

        Raises:
            ModelSystemError: workers die again and again.

        """
        undone, deaths = list(numbers), 0
        while undone:
            before = undone

            def on_share_of_rest(
                share: float, first: float = 1 - len(before) / len(numbers)
            ) -> None:
                on_share(first + share * (1 - first))

            undone = self._undone(phase, folder, before, on_share_of_rest)
            if undone:
                deaths = deaths + 1 if undone == before else 1
                self._replace(deaths)

    def _undone(
        self, phase: Phase, folder: Path, numbers: Sequence[int], on_share: OnShare
    ) -> list[int]:
        """Call `phase` for each number; return those that a dead worker left undone."""
        futures: dict[int, Future[None]] = {}
        try:
            for number in numbers:
                futures[number] = self._pool.submit(phase, folder, number)
            collect(list(futures.values()), on_share)
        except BrokenProcessPool:
            return [number for number in numbers if not _is_done(futures.get(number))]
        return []

    def _replace(self, deaths: int) -> None:
        """Start new workers in place of a pool with a dead one, which ends the others."""
        if deaths == MOST_DEATHS:
            raise ModelSystemError(
                f"{deaths} times in a row a worker died: does the system end them for lack of "
                "memory? A lower MEMORY_LIMIT or fewer THREADS need less"
            )
        log.warning("A worker died; its part is done again")
        self._pool.shutdown()
        self._pool = _pool(self.workers)


def _is_done(future: Future[None] | None) -> bool:
    return (
        future is not None and future.done() and not future.cancelled() and not future.exception()
    )


def _pool(workers: int) -> ProcessPoolExecutor:
    # Not by fork: the heartbeat's thread, and those of libraries, may hold locks.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, context, initializer=_begin)


def _begin() -> None:
    """Begin a worker: Ctrl-C is its parent's to handle, and it does not outlive its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)
