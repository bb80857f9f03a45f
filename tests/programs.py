"""Programs as users start them, and how tests install and await them.

Tests of isolated packages use it too: it imports nothing but pytest.
"""

import contextlib
import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import pytest


class Ended(NamedTuple):
    """How a program ended: its exit code, negative for a signal, and its output."""

    code: int
    output: str


def command(program: str) -> list[str]:
    """Return a workload's console script by its absolute path: no environment is activated."""
    return [str(Path(sys.executable).parent / f"modelsystem-{program}")]


def environment(**variables: object) -> dict[str, str]:
    """Return an environment of these variables and no others."""
    return {name: str(value) for name, value in variables.items()}


def run(program: str, **variables: object) -> Ended:
    """Run a workload to its end."""
    ended = subprocess.run(
        command(program),
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return Ended(ended.returncode, ended.stdout)


@contextlib.contextmanager
def running(arguments: Sequence[str | Path], **options: Any) -> "Iterator[subprocess.Popen[Any]]":
    """Run a program until the context ends; kill it then, with all that it has started.

    `with Popen(...)` alone waits for the program's own end, also when a test fails: for ever. A
    test that judges the exit code waits for it inside the context.
    """
    with subprocess.Popen(arguments, start_new_session=True, **options) as process:
        try:
            yield process
        finally:
            # What it has started may live on: then no other process gets its number.
            if process.poll() is None or not _is_process(process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def _is_process(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def free_port() -> int:
    """Return a port that is free at this moment, and that Linux gives to no client by itself."""
    while True:
        port = random.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextlib.contextmanager
def installing() -> Iterator[None]:
    """Hold a lock of this machine: workers of pytest must not install the same at once."""
    with (Path(tempfile.gettempdir()) / "modelsystem-tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def wait_for(condition: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    """Wait until the condition holds, at most 60 s and as long as the process lives."""
    deadline = time.monotonic() + 60
    while True:
        has_ended = process.poll() is not None
        if condition():
            return
        assert not has_ended, f"{process.args!r} ended with {process.returncode}"
        assert time.monotonic() < deadline, f"{process.args!r} is not ready after 60 s"
        time.sleep(0.05)


def answers(port: int) -> bool:
    """Whether a program accepts connections on a port of this machine."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


def is_ready(url: str) -> bool:
    """Whether a program answers with 200; one that accepts connections may still say 503."""
    with contextlib.suppress(OSError, HTTPException), urlopen(url, timeout=5) as answer:
        return answer.status == 200
    return False


def debian_program(name: str, package: str) -> str:
    """Return the path of a program; root installs it with apt-get if it is missing."""
    with installing():
        if not shutil.which(name) and os.geteuid() == 0 and shutil.which("apt-get"):
            subprocess.run(["apt-get", "update", "-qq"], check=False)
            command = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", package]
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    path = shutil.which(name)
    if not path:
        pytest.skip(f"{name} is not installed, and only root could install it with apt-get")
    return path
