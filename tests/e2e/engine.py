"""The container engine, asked by its own command line."""

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
# What a developer's shell may hold and the compose files would take.
OURS = ("AZURE_", "BLOB_STORAGE_", "COMPOSE_", "CSV_", "MAX_BAD_ROWS", "METHOD", "NEIGHBOURS")
SECONDS = 300


def is_there() -> bool:
    """Whether an engine answers."""
    return bool(shutil.which("docker")) and run("docker", "info", check=False).returncode == 0


def run(
    *command: str, check: bool = True, environ: Mapping[str, str] = os.environ
) -> "subprocess.CompletedProcess[str]":
    """Run a command and return how it ended, with all that it printed."""
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
    """Return the tag of images of this tree: IMAGE_TAG's, or `tag`, of those that are built now."""
    if not is_there():
        pytest.skip("no Docker engine answers; ../shared/bin/docker-up starts one in CI")
    given = os.environ.get("IMAGE_TAG")
    if not given:
        run("make", "images", f"BUILDNUMBER={tag}")
    return given or tag


def docker(*arguments: str) -> str:
    """Return what a docker command prints."""
    return run("docker", *arguments).stdout


def inspect(name: str) -> dict[str, Any]:
    """Return what the engine knows of a container or an image."""
    (known,) = json.loads(docker("inspect", name))
    return dict(known)


def wait_until(is_so: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)


@dataclass(frozen=True)
class Compose:
    """A project of the compose file: its containers, its volume, its ports."""

    project: str
    variables: Mapping[str, str] = field(default_factory=dict)

    def with_(self, **variables: object) -> "Compose":
        """Return the same project with other variables."""
        told = {name: str(value) for name, value in variables.items()}
        return Compose(self.project, {**self.variables, **told})

    def __call__(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run `docker compose` with these arguments."""
        environ = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
        command = ("docker", "compose", "--project-name", self.project, *arguments)
        return run(*command, check=check, environ={**environ, **self.variables})

    def up(self, *services: str) -> str:
        """Bring it up as users do, and return what was printed."""
        return self("up", "--detach", "--wait", "--wait-timeout", "180", *services).stdout

    def container(self, service: str) -> dict[str, Any]:
        """Return what the engine knows of a service's container."""
        return inspect(f"{self.project}-{service}-1")

    def exit_code(self, service: str) -> int:
        """Wait until a service's container has ended, and return its exit code."""
        return int(docker("wait", f"{self.project}-{service}-1"))

    def log(self, service: str) -> str:
        """Return what a service's container has printed."""
        return docker("logs", f"{self.project}-{service}-1")

    @property
    def volume(self) -> str:
        """The volume with the models."""
        return f"{self.project}_models"

    def files(self) -> dict[str, list[Any]]:
        """Return time of change and SHA-256 of each file in the volume, by its path."""
        program = (
            "import hashlib, json, pathlib; print(json.dumps({str(p): [p.stat().st_mtime_ns, "
            "hashlib.sha256(p.read_bytes()).hexdigest()] "
            "for p in sorted(pathlib.Path('/mnt/azure').rglob('*')) if p.is_file()}))"
        )
        mount = f"{self.volume}:/mnt/azure:ro"
        image = f"modelsystem/waiter:{self.variables['BUILDNUMBER']}"
        told = docker("run", "--rm", "-v", mount, "--entrypoint", "python", image, "-c", program)
        return dict(json.loads(told))
