"""The container engine, used by its own command line."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
# Variables of a developer's shell that the compose files would use.
PREFIXES = ("AZURE_", "BLOB_STORAGE_", "COMPOSE_", "CSV_", "MAX_BAD_ROWS", "METHOD", "NEIGHBOURS")
SECONDS = 900  # only so that nothing hangs: a busy machine builds images for minutes


def is_there() -> bool:
    """Whether an engine answers."""
    return bool(shutil.which("docker")) and run("docker", "info", check=False).returncode == 0


def run(
    *command: str,
    check: bool = True,
    environ: Mapping[str, str] = os.environ,
) -> "subprocess.CompletedProcess[str]":
    """Run a command and return how it ended, with its output."""
    ended = subprocess.run(
        command,
        cwd=ROOT,
        env=dict(environ),
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )
    assert not check or ended.returncode == 0, f"{command}: {ended.returncode}\n{ended.stdout}"
    return ended


def images(tag: str) -> str:
    """Return the tag of images of this tree: IMAGE_TAG, or `tag` after building them."""
    if not is_there():
        pytest.skip("no Docker engine answers; ../shared/bin/docker-up starts one in CI")
    built = os.environ.get("IMAGE_TAG")
    if not built:
        run("make", "images", f"BUILDNUMBER={tag}")
    return built or tag


def docker(*arguments: str) -> str:
    """Return the output of a docker command."""
    return run("docker", *arguments).stdout


def inspect(name: str) -> dict[str, Any]:
    """Return the engine's description of a container or an image."""
    (description,) = json.loads(docker("inspect", name))
    return dict(description)


def wait_until(condition: Callable[[], bool], seconds: float, name: str) -> None:
    """Wait until the condition holds; `name` says what it is if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {name}"
        time.sleep(0.1)


@dataclass(frozen=True)
class Compose:
    """A project of the compose file: its containers, its volume, its ports."""

    project: str
    variables: Mapping[str, str] = field(default_factory=dict)

    def with_(self, **variables: object) -> "Compose":
        """Return the same project with these variables added or replaced."""
        added = {name: str(value) for name, value in variables.items()}
        return Compose(self.project, {**self.variables, **added})

    def __call__(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run `docker compose` with these arguments."""
        environ = {
            name: value for name, value in os.environ.items() if not name.startswith(PREFIXES)
        }
        command = ("docker", "compose", "--project-name", self.project, *arguments)
        return run(*command, check=check, environ={**environ, **self.variables})

    def up(self, *services: str) -> str:
        """Start it as users do, and return the output."""
        return self("up", "--detach", "--wait", "--wait-timeout", "600", *services).stdout

    def container(self, service: str) -> dict[str, Any]:
        """Return the engine's description of a service's container."""
        return inspect(f"{self.project}-{service}-1")

    def exit_code(self, service: str) -> int:
        """Wait until a service's container has ended, and return its exit code."""
        return int(docker("wait", f"{self.project}-{service}-1"))

    def log(self, service: str) -> str:
        """Return the output of a service's container."""
        return docker("logs", f"{self.project}-{service}-1")

    @property
    def volume(self) -> str:
        """The volume with the models."""
        return f"{self.project}_models"

    def files(self) -> dict[str, list[Any]]:
        """Return the modification time and SHA-256 of each file in the volume, by its path."""
        program = (
            "import hashlib, json, pathlib; print(json.dumps({str(p): [p.stat().st_mtime_ns, "
            "hashlib.sha256(p.read_bytes()).hexdigest()] "
            "for p in sorted(pathlib.Path('/mnt/azure').rglob('*')) if p.is_file()}))"
        )
        mount = f"{self.volume}:/mnt/azure:ro"
        image = f"modelsystem/waiter:{self.variables['BUILDNUMBER']}"
        output = docker("run", "--rm", "-v", mount, "--entrypoint", "python", image, "-c", program)
        return dict(json.loads(output))
