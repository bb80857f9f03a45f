"""Helm and kubectl, called as programs: found on PATH, with their versions checked."""

import functools
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from typing import TypeVar

from modelsystem_shared import typed
from modelsystem_shared.errors import ServiceError

T = TypeVar("T")
_TIMEOUT = 300  # seconds
_LEAST = {"helm": (3, 12), "kubectl": (1, 25)}
VERSION = {"helm": ["version", "--short"], "kubectl": ["version", "--client"]}


def run(program: str, arguments: Sequence[str], stdin: str | None = None) -> str:
    """Return the output of a program.

    stdin: its input; a secret goes there, never into an argument.

    Raises:
        ServiceError: it is missing, too old, or fails; the sentence has the end of its own message.

    """
    path = find(program)
    try:
        done = _call([path, *arguments], stdin)
    except subprocess.TimeoutExpired as error:
        raise ServiceError(f"{program} {arguments[0]}: no result after {_TIMEOUT} s") from error
    if done.returncode:
        reason = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise ServiceError(f"{program} {' '.join(arguments[:3])}: {reason[-1000:]}")
    return done.stdout


def ask(program: str, arguments: Sequence[str], kind: type[T]) -> T:
    """Return the output of a program, as JSON of type `kind`.

    Raises:
        ServiceError: as `run`, or the output is not such JSON.

    """
    text = run(program, [*arguments, "--output", "json"])
    try:
        return typed.checked(kind, json.loads(text), "output")
    except ValueError as error:
        raise ServiceError(f"{program} {arguments[0]}: unexpected output: {error}") from error


@functools.cache
def find(program: str) -> str:
    """Return a program's path.

    Raises:
        ServiceError: it is not on PATH, or too old.

    """
    path = shutil.which(program)
    if not path:
        raise ServiceError(f"{program} is not on PATH: install it")
    output = _call([path, *VERSION[program]], None).stdout
    version = re.search(r"v(\d+)\.(\d+)", output)
    least = _LEAST[program]
    if not version or tuple(map(int, version.groups())) < least:
        raise ServiceError(
            f"{path} must be version {least[0]}.{least[1]} or newer; "
            f"its version is {output.strip()[:80]!r}"
        )
    return path


def _call(command: list[str], stdin: str | None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603  # no shell; a program as found on PATH
        command, input=stdin, capture_output=True, text=True, check=False, timeout=_TIMEOUT
    )
