"""Pauses that a file event ends early.

Nothing depends on events: a change by another node never fires one, and a machine can run out of
watches.
"""

import logging
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from watchdog.events import (
    FileClosedEvent,
    FileCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

log = logging.getLogger(__name__)
# Only writes count: our own reads fire events, too. The marker is the only file directly in a
# model folder; files in an attempt's folder fire nothing here.
_WRITING: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileModifiedEvent,
    FileClosedEvent,
    FileMovedEvent,
]


class _Setter(FileSystemEventHandler):
    def __init__(self, woken: threading.Event) -> None:
        self._woken = woken

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._woken.set()


class Waker:
    """Listens for writes in `folder`, from the moment it exists until the exit."""

    def __init__(self, folder: Path) -> None:
        """Remember the folder, which may not exist yet."""
        self._folder = folder
        self._woken = threading.Event()
        self._observer: BaseObserver | None = None
        self._given_up = False

    def __enter__(self) -> Self:
        self._listen()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    def pause(self, seconds: float) -> bool:
        """Wait for a file event, at most `seconds`; return whether there was one."""
        self._listen()
        woken = self._woken.wait(seconds)
        self._woken.clear()  # before the next check, so that no event is lost
        return woken

    def _listen(self) -> None:
        if self._observer or self._given_up:
            return
        try:
            if self._folder.is_dir():
                self._observe()
        except (OSError, RuntimeError) as error:  # no inotify instance, watch or thread left
            log.info("No file events, polling only: %s", error)
            self._given_up = True
            self._stop()

    def _observe(self) -> None:
        # Messages of an observer that stops during an event are not for operators.
        logging.getLogger("watchdog").setLevel(logging.CRITICAL)
        self._observer = Observer()
        real = os.path.realpath(self._folder)  # writes go to the target of a symlink
        self._observer.schedule(_Setter(self._woken), real, event_filter=_WRITING)
        self._observer.start()

    def _stop(self) -> None:
        if self._observer is None:
            return
        self._observer.stop()
        if self._observer.is_alive():
            self._observer.join()
        self._observer = None
