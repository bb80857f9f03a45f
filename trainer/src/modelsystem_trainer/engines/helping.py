"""A helper: the trainer of an Indexed Job's pod with another index than 0.

It looks for the driver's calls in the model folder and takes numbers from them. It publishes
nothing, and the driver never waits for it: it does itself what a helper does not finish.
"""

import contextlib
import logging
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modelsystem_shared import files, folder, progress
from modelsystem_shared.progress import Failure, Progress
from modelsystem_trainer.engines import calls
from modelsystem_trainer.engines.calls import Call
from modelsystem_trainer.engines.indexed import SILENT

log = logging.getLogger(__name__)
POLL = 0.5
BEAT = 5.0  # seconds between two signs of life
PATIENCE = 900.0  # seconds without a driver: the pod's room may be what the driver waits for
PACKAGES = ("modelsystem_trainer",)


@dataclass(frozen=True)
class _Driver:
    """The attempt of a driver, unchanged since a time of our own clock."""

    progress: Progress | None
    failure: Failure | None
    since: float
    has_lived: bool  # it has changed since this helper began

    def is_alive(self, now: float) -> bool:
        """Whether it may still call."""
        return self.failure is None and now - self.since < SILENT

    @property
    def failed_for_good(self) -> bool:
        """Whether no other attempt will follow it."""
        return self.has_lived and self.failure is not None and not self.failure.retry_helps


def help_driver(
    model_folder: Path, index: int, workers: int, packages: Sequence[str] = PACKAGES
) -> None:
    """Take numbers of all calls in the model folder, until the build is published or given up."""
    helper = Helper(model_folder, index, packages)
    for number in range(workers):
        # Not joined: a signal ends the process in the middle of a part, which is done elsewhere.
        threading.Thread(target=helper.work, args=(number,), daemon=True).start()
    log.info("Index %s helps index 0, with %s threads", index, workers)
    while not (reason := helper.look(time.monotonic())):
        time.sleep(POLL)
    helper.ended.set()
    log.info("%s: index %s ends, after %s parts", reason, index, helper.done)


class Helper:
    """What a helper knows of the drivers, and its work."""

    def __init__(self, model_folder: Path, index: int, packages: Sequence[str]) -> None:
        """Know no driver yet."""
        self.ended = threading.Event()
        self.done = 0
        self._model_folder, self._index, self._packages = model_folder, index, packages
        self._name = f"helper-{index}-{secrets.token_hex(4)}"
        self._drivers: dict[str, _Driver] = {}
        self._call: Call | None = None
        self._last_driver: float | None = None
        self._beaten = (Path(), 0.0)  # where, and when

    def look(self, now: float) -> str:
        """Look for a call, and give a sign of life; return why there is nothing more to do."""
        if self._last_driver is None:
            self._last_driver = now
        try:
            if folder.read_marker(self._model_folder):
                return "The build is published"
            self._look_for_drivers(now)
            self._look_for_call(now)
        except OSError as error:
            log.warning("The model folder cannot be read: %s", error)
        return self._end(now)

    def _end(self, now: float) -> str:
        if any(driver.is_alive(now) for driver in self._drivers.values()):
            self._last_driver = now
        elif any(driver.failed_for_good for driver in self._drivers.values()):
            return "The training failed"
        if self._last_driver is not None and now - self._last_driver >= PATIENCE:
            return f"No index 0 for {PATIENCE:g} s"
        return ""

    def _look_for_drivers(self, now: float) -> None:
        for attempt in folder.attempts(self._model_folder):
            state = progress.latest(attempt), progress.failure(attempt)
            known = self._drivers.get(attempt.name)
            if known is None or (known.progress, known.failure) != state:
                self._drivers[attempt.name] = _Driver(*state, now, has_lived=known is not None)

    def _look_for_call(self, now: float) -> None:
        """Follow the newest driver that is alive; the time in an attempt's name is a hint only."""
        call, newest = self._call, None
        alive = [name for name, driver in self._drivers.items() if driver.is_alive(now)]
        for name in sorted(alive, reverse=True):
            control = self._model_folder / name / calls.FOLDER
            with contextlib.suppress(FileNotFoundError):  # no driver of helpers, or not yet
                self._give_sign(control, now)
                newest = calls.latest(control, self._packages)
                break
        is_same = call and newest and (call.control, call.serial) == (newest.control, newest.serial)
        self._call = call if is_same else newest

    def _give_sign(self, control: Path, now: float) -> None:
        place, at = self._beaten
        if place != control or now - at >= BEAT:
            files.append(control / self._name, b".\n")
            self._beaten = (control, now)

    def work(self, thread: int) -> None:
        """Take numbers until the helper ends; after an error, none more of the same call."""
        unfit: Call | None = None
        while not self.ended.is_set():
            call = self._call
            if call is None or call is unfit or (number := self._take(call, thread)) is None:
                self.ended.wait(POLL)
            elif not self._do(call, number):
                unfit = call

    def _take(self, call: Call, thread: int) -> int | None:
        # Each helper begins elsewhere: two seldom want the same number.
        begin = hash((self._index, thread)) % len(call.numbers)
        try:
            return None if call.is_over else call.take(self._name, begin)
        except OSError as error:
            if not call.is_over:
                log.warning("No part can be claimed: %s", error)
            return None

    def _do(self, call: Call, number: int) -> bool:
        try:
            call.phase(call.folder, number)
            call.finish(number)
        except Exception as error:  # whatever it is, the driver does without this helper
            if not call.is_over:
                log.warning("Part %s failed: %s: %s", number, type(error).__name__, error)
                with contextlib.suppress(OSError):
                    call.fail(number, f"{type(error).__name__}: {error}")
            return False
        self.done += 1
        return True
