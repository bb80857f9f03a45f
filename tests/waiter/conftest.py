"""Model folders and waiters, as factories."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from modelsystem_shared import folder, manifest, publication, settings
from modelsystem_shared.manifest import Manifest
from modelsystem_shared.marker import Marker
from modelsystem_waiter.settings import Settings

FILES = {"items.npy": b"\x93NUMPY items" * 40, "similar.ends.npy": bytes(range(256)) * 9}
MODULE = (sys.executable, "-m", "modelsystem_waiter")


class Waiter:
    """A running waiter, which is ended after 60 s so that no test can hang."""

    def __init__(self, command: tuple[str, ...], environ: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            command,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output = ""
        self.end_of_patience = threading.Timer(60, self.process.kill)
        self.end_of_patience.start()

    def until(self, words: str) -> None:
        """Read its log up to a line that holds `words`."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.output += line
            if words in line:
                return
        pytest.fail(f"the waiter ended and never said {words!r}:\n{self.output}")

    def end(self) -> int:
        """Wait for its end and return the exit code."""
        assert self.process.stdout
        self.output += self.process.stdout.read()
        self.end_of_patience.cancel()
        return self.process.wait()

    @property
    def is_waiting(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None


def environment(**variables: object) -> dict[str, str]:
    """Return our environment with none of the waiter's variables but those given."""
    names = {v.name for v in settings.variables(Settings)}
    inherited = {name: value for name, value in os.environ.items() if name not in names}
    return inherited | {name: str(value) for name, value in variables.items()}


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    """Make an empty model folder."""
    path = tmp_path / "models" / "20180523.5"
    path.mkdir(parents=True)
    return path


@pytest.fixture
def new_attempt(model_folder: Path) -> Callable[[], Path]:
    """Make the folder of an attempt that has just started."""

    def make() -> Path:
        attempt = model_folder / folder.new_attempt_name()
        attempt.mkdir()
        return attempt

    return make


@pytest.fixture
def write_model(new_attempt: Callable[[], Path]) -> Callable[..., tuple[Path, Manifest]]:
    """Write model files as a trainer does, up to and without the manifest."""

    def write(build: str = "20180523.5") -> tuple[Path, Manifest]:
        attempt = new_attempt()
        for name, content in FILES.items():
            (attempt / name).write_bytes(content)
        listing = manifest.listing(publication.describe(attempt, list(FILES)))
        return attempt, Manifest({"format": manifest.FORMAT, "build": build, "files": listing}, {})

    return write


@pytest.fixture
def publish(
    model_folder: Path, write_model: Callable[..., tuple[Path, Manifest]]
) -> Callable[..., Marker]:
    """Publish a model as a trainer does, and return its marker."""

    def make(build: str = "20180523.5") -> Marker:
        return publication.publish(model_folder, *write_model(build), "0.148812")

    return make


@pytest.fixture
def start(model_folder: Path) -> Iterator[Callable[..., Waiter]]:
    """Start a waiter on the model folder that polls fast and gives up after 20 s."""
    started: list[Waiter] = []

    def make(command: tuple[str, ...] = MODULE, **variables: object) -> Waiter:
        fast = {"MODELFOLDER": model_folder, "WAIT_INTERVAL": 0.1, "WAIT_TIMEOUT": 20}
        started.append(Waiter(command, environment(**(fast | variables))))
        return started[-1]

    yield make
    for waiter in started:
        waiter.process.kill()
        waiter.end()
        if waiter.process.stdout:
            waiter.process.stdout.close()


@pytest.fixture
def configure(model_folder: Path) -> Callable[..., Settings]:
    """Read settings as a waiter on the model folder does."""

    def make(**variables: object) -> Settings:
        strings = {name: str(value) for name, value in variables.items()}
        return settings.read(Settings, {"MODELFOLDER": str(model_folder)} | strings)

    return make
