"""What the waiter logs while it waits."""

import logging
import math
from pathlib import Path

from modelsystem_shared.progress import Failure, Progress
from modelsystem_waiter.verdict import State

log = logging.getLogger(__name__)
SECONDS = 10.0  # between two lines that say that the waiter waits
_STEP = 0.1  # share of a phase that is worth a line


class ProgressLog:
    """Logs each new fact once, and every 10 s that the waiter waits."""

    def __init__(self, folder: Path) -> None:
        """Log about a model folder."""
        self._folder = folder
        self._next = -math.inf
        self._warned: set[str] = set()
        self._progress: dict[str, Progress] = {}

    def seconds_to_next(self, now: float) -> float:
        """Return the seconds until the next line that says that the waiter waits."""
        return max(0.0, self._next - now)

    def waiting(self, now: float) -> None:
        """Log that the waiter waits, if it is time again."""
        if now >= self._next:
            log.info("File not found! %s", self._folder)
            self._next = now + SECONDS

    def record(self, state: State, now: float) -> None:
        """Log what is new in `state`."""
        self.waiting(now)
        if state.trouble:
            self._warn_once(f"{state.trouble}; trying again")
        if state.mismatch:
            self._warn_once(f"{state.mismatch.sentence}; trying again, it may be a stale cache")
        for name, observed in (state.attempts or {}).items():
            self._record_progress(name, observed.attempt.progress)
            self._record_failure(name, observed.attempt.failure)

    def _record_progress(self, name: str, progress: Progress | None) -> None:
        if progress and _moved(self._progress.get(name), progress):
            log.info("Training (%s): %s", name, progress)
            self._progress[name] = progress

    def _record_failure(self, name: str, failure: Failure | None) -> None:
        if failure:
            retry = "a retry can help" if failure.retry_helps else "a retry cannot help"
            self._warn_once(f"{name} failed: {failure.reason} ({retry})")

    def _warn_once(self, sentence: str) -> None:
        if sentence not in self._warned:
            log.warning("%s", sentence)
            self._warned.add(sentence)


def _moved(before: Progress | None, now: Progress) -> bool:
    return (
        before is None
        or now.phase != before.phase
        or abs(now.done - before.done) >= _STEP
        or (now.done >= 1) > (before.done >= 1)
    )
