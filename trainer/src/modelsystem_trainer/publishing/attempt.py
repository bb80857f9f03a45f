"""One attempt at a training: its folder, its heartbeat, its failure."""

import contextlib
import logging
import shutil
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from modelsystem_shared import files, folder, progress
from modelsystem_shared.errors import ModelSystemError, StorageError
from modelsystem_shared.progress import Failure, Progress

log = logging.getLogger(__name__)
HEARTBEAT = 5.0  # seconds
RESERVE = "reserve"  # a file: its room is for the reason of a failure when the volume is full
_ROOM = 4096  # bytes
_LOG_EVERY = 5.0


class Attempt:
    """A new folder below the model folder, with a heartbeat while the context is open.

    A thread adds a line to the progress file every few seconds: it shows a waiter that the training
    is alive.
    """

    def __init__(self, model_folder: Path) -> None:
        """Make the folder.

        Raises:
            StorageError: the model folder cannot be made or written to.

        """
        self.started, self._began = datetime.now(UTC), time.monotonic()
        self.path = model_folder / folder.new_attempt_name()
        try:
            files.make_folder(model_folder)
            self.path.mkdir()
            files.write_new(self.path / RESERVE, bytes(_ROOM))
        except OSError as error:
            with contextlib.suppress(OSError):
                self.path.rmdir()
            reason = files.reason(error)
            raise StorageError(f"MODELFOLDER: {model_folder} cannot be used: {reason}") from error
        self._now = Progress("start", 0.0, 0)
        self._logged = (self._now.phase, time.monotonic())
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    @property
    def seconds(self) -> float:
        """The seconds since the start, whatever the clock was set to meanwhile."""
        return time.monotonic() - self._began

    def __enter__(self) -> "Attempt":
        self._append(0)
        self._heart.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._heart.join()

    def free_reserve(self) -> None:
        """Give the reserve back: from now on the attempt has files whose room a failure frees."""
        (self.path / RESERVE).unlink(missing_ok=True)

    def progress(self, phase: str, done: float) -> None:
        """Record the share of a phase that is done; log it now and then, a new phase at once."""
        is_new = phase != self._now.phase
        self._now = Progress(phase, round(done, 4), self._now.beat)
        phase_logged, at = self._logged
        if phase != phase_logged or done >= 1 or time.monotonic() - at > _LOG_EVERY:
            self._logged = (phase, time.monotonic())
            log.info("%s", self._now)
        if is_new:
            self._append(0)

    def _beat(self) -> None:
        while not self._over.wait(HEARTBEAT):
            self._append(1)

    def _append(self, beats: int) -> None:
        with self._lock:
            self._now = Progress(self._now.phase, self._now.done, self._now.beat + beats)
            try:
                progress.append(self.path, self._now)
            except OSError as error:
                log.warning("The heartbeat cannot be written: %s", error)


def record_failure(model_folder: Path, attempt: Path | None, error: ModelSystemError) -> None:
    """Publish `failed.json`: in `attempt`, or in a new attempt if none was begun.

    The other files of the attempt go first: they may be what fills the volume. A whole marker
    outranks any failure: then nothing is written.
    """
    if folder.read_marker(model_folder):
        return
    if attempt and folder.marker_bytes(model_folder) is None:  # no marker can name the attempt
        _remove_files(attempt)
    if attempt is None:
        attempt = model_folder / folder.new_attempt_name()
        files.make_folder(attempt)
    progress.fail(attempt, Failure(str(error), error.retry_helps, error.exit_code))


def _remove_files(attempt: Path) -> None:
    """Remove an attempt's files but its progress and the reason of its failure, if that works."""
    with contextlib.suppress(OSError):
        for path in attempt.iterdir():
            if path.is_dir():  # of an engine, which could not remove it
                shutil.rmtree(path, ignore_errors=True)
            elif path.name not in (progress.PROGRESS, progress.FAILED):
                path.unlink()
