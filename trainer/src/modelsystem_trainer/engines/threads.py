"""The engine of one process: phases run on threads, which share all memory."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass
from pathlib import Path

from modelsystem_trainer.engines.contract import OnShare, Phase


@dataclass(frozen=True)
class Threads:
    """Runs phases on `workers` threads: quick if their loops release Python's lock."""

    workers: int

    def run(
        self,
        phase: Phase,
        folder: Path,
        numbers: Sequence[int],
        on_share: OnShare = lambda _: None,
    ) -> None:
        """Call `phase` for each number; see `Engine`."""
        pool = ThreadPoolExecutor(self.workers, "engine")
        try:
            collect([pool.submit(phase, folder, number) for number in numbers], on_share)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def collect(futures: Sequence[Future[None]], on_share: OnShare) -> None:
    """Wait for all futures and report the share that is done.

    The first error ends it, when the numbers that were begun have ended: nothing is written into
    the folder any more. A signal waits for none.
    """
    try:
        for done, future in enumerate(as_completed(futures), 1):
            future.result()
            on_share(done / len(futures))
    except Exception:
        wait([future for future in futures if not future.cancel()])
        raise
