"""Helm and kubectl, called as programs: found on PATH, their versions checked, never guessed at."""

import functools
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

from modelsystem_release.errors import ServiceError

_TIMEOUT = 300  # seconds
_LEAST = {"helm": (3, 12), "kubectl": (1, 25)}
_VERSION = {"helm": ["version", "--short"], "kubectl": ["version", "--client"]}


def run(program: str, arguments: Sequence[str], stdin: str | None = None) -> str:
    """Return what a program prints.

    stdin: its input; a secret goes there, never into an argument.

    Raises:
        ServiceError: it is missing, too old, or ends with a failure: its own last words.

    """
    path = find(program)
    try:
        done = _call([path, *arguments], stdin)
    except subprocess.TimeoutExpired as error:
        raise ServiceError(f"{program} {arguments[0]}: no end after {_TIMEOUT} s") from error
    if done.returncode:
        told = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise ServiceError(f"{program} {' '.join(arguments[:3])}: {told[-1000:]}")
    return done.stdout


def ask(program: str, arguments: Sequence[str]) -> Any:
    """Return what a program prints, as JSON.

    Raises:
        ServiceError: as `run`, or it is not JSON.

    """
    text = run(program, [*arguments, "--output", "json"])
    try:
        return json.loads(text)
    except ValueError as error:
        raise ServiceError(f"{program} {arguments[0]}: did not print JSON") from error


@functools.cache
def find(program: str) -> str:
    """Return a program's path.

    Raises:
        ServiceError: it is not on PATH, or too old.

    """
    path = shutil.which(program)
    if not path:
        raise ServiceError(f"{program} is not on PATH: install it")
    told = _call([path, *_VERSION[program]], None).stdout
    found = re.search(r"v(\d+)\.(\d+)", told)
    least = _LEAST[program]
    if not found or tuple(map(int, found.groups())) < least:
        raise ServiceError(
            f"{path} must be {least[0]}.{least[1]} or newer; it says {told.strip()[:80]!r}"
        )
    return path


def _call(command: list[str], stdin: str | None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603  # no shell; a program that people have on their PATH
        command, input=stdin, capture_output=True, text=True, check=False, timeout=_TIMEOUT
    )
