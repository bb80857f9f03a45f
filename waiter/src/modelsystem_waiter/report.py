"""What the waiter says while it waits."""

import logging
import math
from pathlib import Path

from modelsystem_shared.progress import Failure, Progress
from modelsystem_waiter.verdict import State

log = logging.getLogger(__name__)
SAY_EVERY = 10.0  # seconds
_STEP = 0.1  # share of a phase that is worth a line


class Report:
    """Says everything once, and that it waits every 10 s."""

    def __init__(self, folder: Path) -> None:
        """Report on a model folder."""
        self._folder = folder
        self._next = -math.inf
        self._said: set[str] = set()
        self._progress: dict[str, Progress] = {}

    def silence_left(self, now: float) -> float:
        """Return the seconds until it is time again to say that we wait."""
        return max(0.0, self._next - now)

    def waiting(self, now: float) -> None:
        """Say that we wait, if it is time again."""
        if now >= self._next:
            log.info("File not found! %s", self._folder)
            self._next = now + SAY_EVERY

    def tell(self, state: State, now: float) -> None:
        """Say what is new."""
        self.waiting(now)
        if state.trouble:
            self._warn_once(f"{state.trouble}; trying again")
        if state.mismatch:
            self._warn_once(f"{state.mismatch.sentence}; trying again, it may be a stale cache")
        for name, seen in (state.attempts or {}).items():
            self._tell_progress(name, seen.attempt.progress)
            self._tell_failure(name, seen.attempt.failure)

    def _tell_progress(self, name: str, progress: Progress | None) -> None:
        if progress and _moved(self._progress.get(name), progress):
            log.info("Training (%s): %s", name, progress)
            self._progress[name] = progress

    def _tell_failure(self, name: str, failure: Failure | None) -> None:
        if failure:
            hope = "a retry can help" if failure.retry_helps else "a retry cannot help"
            self._warn_once(f"{name} failed: {failure.reason} ({hope})")

    def _warn_once(self, sentence: str) -> None:
        if sentence not in self._said:
            log.warning("%s", sentence)
            self._said.add(sentence)


def _moved(before: Progress | None, now: Progress) -> bool:
    return (
        before is None
        or now.phase != before.phase
        or abs(now.done - before.done) >= _STEP
        or (now.done >= 1) > (before.done >= 1)
    )
