"""Programs that are killed, whose calls fail, or whose clocks jump."""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.faults.preloaded import THREADS, Preloaded
from tests.integration.conftest import (  # noqa: F401  # fixtures
    QUICK,
    catalogue,
    interactions,
    start,
    target,
    write_key,
)
from tests.programs import debian_program, environment

MEMORY = Path("/dev/shm")
Environ = dict[str, str]


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a small export, on which a training takes a fifth of a second."""
    folder = tmp_path_factory.mktemp("export")
    (folder / "interactions.csv").write_bytes(interactions())
    (folder / "items.csv").write_bytes(catalogue())
    return folder


@pytest.fixture(scope="session")
def environ_of_training(
    export: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Path], Environ]:
    """Return a function that gives the environment of such a training in a folder; it signs."""
    keys = tmp_path_factory.mktemp("keys")
    write_key(keys, "ours")

    def variables(model_folder: Path) -> Environ:
        return environment(
            MODELFOLDER=model_folder,
            CSV_FOLDER=export,
            THREADS=1,
            SIGNING_KEY_FILE=keys / "ours.pem",
            **THREADS,
            **QUICK,
        )

    return variables


@pytest.fixture(scope="session")
def strace() -> str:
    """Return the path of strace."""
    return debian_program("strace", "strace")


@pytest.fixture(scope="session")
def preloaded() -> Iterator[Preloaded]:
    """Return a process that forks any workload."""
    with Preloaded("trainer", "waiter", "scorer") as process:
        yield process


@pytest.fixture
def memory() -> Iterator[Path]:
    """Return a folder that is in memory, if this machine has one: syncs cost nothing there."""
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Return a function that prints past pytest's capture."""

    def write(sentence: str) -> None:
        with capsys.disabled():
            print(f"\n{sentence}")

    return write
