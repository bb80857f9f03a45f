"""The engine of a Kubernetes Indexed Job: index 0 drives, the other indexes help.

They share nothing but the folder (`calls`). The driver works too, so that it needs no helper, and
waits for none: what a helper has claimed is free again when the helper is silent, or is replaced
by another pod of its index; what a helper could not do the driver does itself. Whatever is done
twice has the same bytes.
"""

import contextlib
import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from modelsystem_shared.errors import StorageError
from modelsystem_trainer.engines import calls, parts
from modelsystem_trainer.engines.calls import Call, Claim
from modelsystem_trainer.engines.contract import OnShare, Phase

log = logging.getLogger(__name__)
SILENT = 60.0  # seconds: a shared volume may show a line 30 s late
POLL = 0.2
DRIVER = "index 0"
_UNKNOWN = "a helper"  # its claim has been created, and is not written


class Indexed:
    """Runs phases on `workers` threads of this process, and on those of all helpers."""

    def __init__(self, workers: int, attempt: Path) -> None:
        """Make the folder of calls in the attempt's folder, where helpers look for it."""
        self.workers = workers
        self._control = attempt / calls.FOLDER
        self._serial = 0
        self._helpers = Helpers(self._control)
        self._shares: Counter[str] = Counter()

    def __enter__(self) -> "Indexed":
        self._control.mkdir()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if len(self._shares) > 1:
            shares = (f"{count} by {name}" for name, count in sorted(self._shares.items()))
            log.info("Parts of the training: %s", ", ".join(shares))
        try:
            parts.remove(self._control)
        except StorageError:
            if error is None:  # else that is what failed
                raise

    def run(
        self,
        phase: Phase,
        folder: Path,
        numbers: Sequence[int],
        on_share: OnShare = lambda _: None,
    ) -> None:
        """Call `phase` for each number; see `Engine`."""
        if not numbers:
            return
        self._serial += 1
        call = Call(self._control, self._serial, phase, folder, tuple(numbers))
        call.begin()
        crew = _Crew(call, self.workers)
        try:
            self._wait(call, crew, on_share)
        except BaseException as error:
            crew.end(wait=isinstance(error, Exception))  # a signal waits for nothing
            raise
        else:
            crew.end(wait=True)
        finally:
            with contextlib.suppress(OSError):  # a full volume; the next call ends this one, too
                call.end()

    def _wait(self, call: Call, crew: "_Crew", on_share: OnShare) -> None:
        left = set(call.numbers)
        while left:
            crew.wait(POLL)
            for number in crew.done & left:
                self._count(left, number, DRIVER)
            if left:
                self._helpers.look(time.monotonic())
            for claim in call.claims(left - crew.begun):
                if claim.is_done:
                    self._count(left, claim.number, _pod(claim.worker))
                else:
                    self._mend(call, crew, claim)
            on_share(1 - len(left) / len(call.numbers))

    def _count(self, left: set[int], number: int, name: str) -> None:
        left.discard(number)
        self._shares[name] += 1

    def _mend(self, call: Call, crew: "_Crew", claim: Claim) -> None:
        """Do what a helper could not do, and let others do what a dead one has claimed."""
        if claim.failure:
            name = _pod(claim.worker)
            log.warning(
                "Part %s failed at %s, and is done here: %s", claim.number, name, claim.failure
            )
            crew.do(claim.number)
        elif reason := self._helpers.absence(
            claim.worker or f"{call.serial}/{claim.number}", time.monotonic()
        ):
            log.warning("Part %s of %s is done again: %s", claim.number, _pod(claim.worker), reason)
            call.release(claim.number)


class _Crew:
    """The driver's own threads, which take numbers of one call until it ends."""

    def __init__(self, call: Call, workers: int) -> None:
        """Start them."""
        self.begun: set[int] = set()
        self.done: set[int] = set()
        self._call, self._again = call, queue.SimpleQueue[int]()
        self._changed, self._ended = threading.Event(), threading.Event()
        self._pool = ThreadPoolExecutor(workers, "engine")
        self._loops = [self._pool.submit(self._work) for _ in range(workers)]

    def do(self, number: int) -> None:
        """Let one of the threads do a number, whoever has claimed it."""
        self.begun.add(number)
        self._again.put(number)

    def wait(self, seconds: float) -> None:
        """Return when a number is done, or after some seconds; raise the error of a phase."""
        self._changed.wait(seconds)
        self._changed.clear()
        for loop in self._loops:
            if loop.done():
                loop.result()

    def end(self, *, wait: bool) -> None:
        """Begin no further number."""
        self._ended.set()
        self._pool.shutdown(wait=wait, cancel_futures=True)

    def _work(self) -> None:
        try:
            while not self._ended.is_set():
                number = self._next()
                if number is None:
                    self._ended.wait(POLL)
                    continue
                self._call.phase(self._call.folder, number)
                self.done.add(number)
                self._changed.set()
        finally:
            self._ended.set()
            self._changed.set()

    def _next(self) -> int | None:
        with contextlib.suppress(queue.Empty):
            return self._again.get_nowait()
        number = self._call.take(DRIVER)
        if number is not None:
            self.begun.add(number)
        return number


class Helpers:
    """What the driver knows of its helpers, judged by its own monotonic clock."""

    def __init__(self, control: Path) -> None:
        """Know none."""
        self._control = control
        self._seen: dict[str, tuple[bytes, float]] = {}  # what each has written, and since when

    def look(self, now: float) -> None:
        """Read the signs of life of all."""
        for path in self._control.glob("helper-*"):
            with contextlib.suppress(FileNotFoundError):
                self._note(path.name, path.read_bytes(), now)

    def _note(self, name: str, content: bytes, now: float) -> None:
        if name not in self._seen:
            log.info("%s helps", _pod(name).capitalize())
        if self._seen.get(name, (None, now))[0] != content:
            self._seen[name] = (content, now)

    def absence(self, name: str, now: float) -> str:
        """Return why a helper will not finish what it has claimed; empty if it may."""
        _, since = self._seen.setdefault(name, (b"", now))
        newer = [*self._seen][[*self._seen].index(name) + 1 :]
        if any(_pod(other) == _pod(name) != _UNKNOWN for other in newer):
            return "another pod has its place"
        return f"silent for {now - since:.0f} s" if now - since >= SILENT else ""


def _pod(name: str) -> str:
    """Return the index in a helper's name, for people."""
    return f"index {name.split('-')[1]}" if name.startswith("helper-") else _UNKNOWN
