"""Where phases run: an engine, and the folder whose files they share."""

import contextlib
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from modelsystem_shared.errors import StoppedError
from modelsystem_trainer.engines import faults, parts
from modelsystem_trainer.engines.choice import LOCAL, started
from modelsystem_trainer.engines.contract import Engine, OnShare, Phase
from modelsystem_trainer.engines.threads import Threads

PARTS = "parts"  # a folder of the attempt
POLL = 0.5  # seconds between two looks at what the workers note


@dataclass(frozen=True)
class Workplace:
    """An engine, and a folder that all its workers see."""

    engine: Engine
    folder: Path

    def run(
        self,
        phase: Phase,
        name: str,
        numbers: Sequence[int],
        on_share: OnShare = lambda _: None,
        sizes: Sequence[int] | None = None,
    ) -> None:
        """Run a phase that records its faults; raise that of the lowest number.

        This is the error of a run of one number after the other, however many workers there are.

        name: that of the phase's files; see `faults`.
        sizes: how much each number is, as the phase notes it (`note`); the shares are of these.
        """
        try:
            if sizes is None:
                self.engine.run(phase, self.folder, numbers, on_share)
            else:
                with _Watch(self.folder, name, numbers, sum(sizes), on_share) as watch:
                    self.engine.run(phase, self.folder, numbers, lambda _: watch.look())
        except StoppedError:
            raise
        except Exception:
            first = faults.first(self.folder, name, numbers)
            if first is None:
                raise
            if undone := faults.undone_before(self.folder, name, numbers, first):
                self.run(phase, name, undone)
            raise faults.error(self.folder, name, first) from None


@contextlib.contextmanager
def on_this_machine(threads: int = 1) -> Iterator[Workplace]:
    """Make a workplace of threads and a temporary folder, which is removed at the end."""
    with _temporary() as folder:
        yield Workplace(Threads(threads), folder)


@contextlib.contextmanager
def opened(
    name: str, workers: int, attempt: Path, spark_url: str | None = None
) -> Iterator[Workplace]:
    """Start an engine, with a folder that all its workers see and that is removed at the end.

    It lies in the attempt's folder, unless all workers are on this machine. See `started`.
    """
    with (
        started(name, workers, attempt, spark_url) as engine,
        _temporary() if name in LOCAL else _shared(attempt / PARTS) as folder,
    ):
        yield Workplace(engine, folder)


def _temporary() -> contextlib.AbstractContextManager[Path]:
    return parts.removed_at_end(Path(tempfile.mkdtemp(prefix="modelsystem-")))


def _shared(folder: Path) -> contextlib.AbstractContextManager[Path]:
    folder.mkdir()
    return parts.removed_at_end(folder)


def note(folder: Path, name: str, number: int, done: int) -> None:
    """Note how much of a number is done, for whoever watches; a guess that nothing depends on."""
    descriptor = os.open(_note(folder, name, number), os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.pwrite(descriptor, b"%020d" % done, 0)
    finally:
        os.close(descriptor)


def _note(folder: Path, name: str, number: int) -> Path:
    return faults.part(folder, name, number).with_suffix(".done")


class _Watch:
    """Reports the share of a phase that is done, by what its workers note."""

    def __init__(
        self, folder: Path, name: str, numbers: Sequence[int], total: int, on_share: OnShare
    ) -> None:
        self._notes = [_note(folder, name, number) for number in numbers]
        self._total, self._on_share = max(total, 1), on_share
        self._share = 0.0
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._poll, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def look(self) -> None:
        """Report the share if it has grown."""
        share = min(sum(map(_noted, self._notes)) / self._total, 1.0)
        with self._lock:
            if share > self._share:
                self._share = share
                self._on_share(share)

    def _poll(self) -> None:
        while not self._over.wait(POLL):
            self.look()


def _noted(path: Path) -> int:
    """Return what is noted; 0 if nothing is, or it is not whole yet."""
    try:
        return int(path.read_bytes())
    except (OSError, ValueError):
        return 0
