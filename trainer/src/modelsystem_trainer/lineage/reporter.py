"""Sends the events of a training to OPENLINEAGE_URL, and never fails or delays it.

A thread sends them in order, while the training goes on. At its end the training waits for the
thread at most two seconds; then the thread is silent, because the program says its last words.
"""

import http.client
import json
import logging
import threading
import urllib.request
from collections.abc import Callable
from queue import SimpleQueue

from modelsystem_shared.manifest import Manifest
from modelsystem_trainer.lineage.events import Json, Run
from modelsystem_trainer.settings import Settings

log = logging.getLogger(__name__)
PATIENCE = 2.0  # seconds, for all events together
_PATH = "/api/v1/lineage"
_Event = Callable[[], Json]


class Reporter:
    """Reports one training; without OPENLINEAGE_URL it does nothing."""

    def __init__(self, settings: Settings, attempt: str) -> None:
        """Report the start."""
        self._run = Run(settings, attempt)
        self._url = settings.openlineage
        self._events: SimpleQueue[_Event | None] = SimpleQueue()
        self._speaking, self._is_silent = threading.Lock(), False
        self._thread = threading.Thread(target=self._send_all, name="lineage", daemon=True)
        if self._url:
            self._thread.start()
            self._events.put(self._run.started)

    def completed(self, manifest: Manifest | None) -> None:
        """Report the end; see `Run.completed`."""
        self._end(lambda: self._run.completed(manifest))

    def failed(self, sentence: str) -> None:
        """Report a failure."""
        self._end(lambda: self._run.failed(sentence))

    def _end(self, event: _Event) -> None:
        if not self._thread.is_alive():
            return
        self._events.put(event)
        self._events.put(None)
        self._thread.join(PATIENCE)
        with self._speaking:
            self._is_silent = True
        if self._thread.is_alive():
            log.warning("OPENLINEAGE_URL does not answer: it may not have this training's events")

    def _send_all(self) -> None:
        while event := self._events.get():
            try:
                self._send(event())
            except (OSError, ValueError, http.client.HTTPException) as error:
                self._warn(error)

    def _warn(self, error: Exception) -> None:
        with self._speaking:
            if not self._is_silent:
                log.warning("A lineage event cannot be sent to OPENLINEAGE_URL: %s", error)

    def _send(self, event: Json) -> None:
        request = urllib.request.Request(  # noqa: S310  # the settings allow only http and https
            f"{self._url}{_PATH}",
            json.dumps(event).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE):  # noqa: S310  # as above
            pass
