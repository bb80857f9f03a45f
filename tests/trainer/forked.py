"""Trainers as forks of one process that has imported them: each starts in a tenth of the time.

What runs is the program's `main`, from its arguments to its exit code, as the console script calls
it; `tests/integration` has the console scripts.
"""

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.connection import wait
from pathlib import Path

from modelsystem_trainer.__main__ import main

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__, "tests.trainer.compiled"])
# Starting a process asks all others for their exit codes, which a forkserver tells only once: to a
# thread that asks at the same moment it looks killed, by code 255.
ASKING = threading.Lock()


class Fork:
    """A trainer that has started; it prints into a file."""

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str], output: Path) -> None:
        """Start it."""
        self.output = output
        self._process = CONTEXT.Process(target=become, args=(arguments, dict(environ), output))
        with ASKING:
            self._process.start()

    def poll(self) -> int | None:
        """Return the exit code, -N if signal N ended it; None while it runs."""
        with ASKING:
            return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code when it has ended.

        Raises:
            TimeoutError: it runs for longer.

        """
        wait([self._process.sentinel], timeout)
        if (code := self.poll()) is None:
            raise TimeoutError(self.output.read_text())
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process.pid
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it, if it still runs."""
        self._process.kill()


def become(arguments: Sequence[str], environ: dict[str, str], output: Path) -> None:
    """Become a trainer."""
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.environ.clear()
    os.environ.update(environ)
    tempfile.tempdir = None  # TMPDIR may be another one
    sys.argv = ["modelsystem-trainer", *arguments]
    main()
