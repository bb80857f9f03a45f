"""A trainer behind the SMB server, a waiter in front of it: no events, and stale attributes."""

import os
import random
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.integration import smb
from tests.programs import running

from modelsystem_shared import files, folder, manifest, marker, publication, settings
from modelsystem_shared.manifest import Manifest
from modelsystem_shared.marker import Marker
from modelsystem_waiter.settings import Settings

INTERVAL = 2.0  # seconds: the waiter's default
CHUNK = 64 << 10

pytestmark = pytest.mark.skipif(not smb.UP.exists(), reason=f"there is no {smb.UP}")


@dataclass(frozen=True)
class Share:
    """A model folder: its path behind the server, to write, and in front of it, to read."""

    written: Path
    read: Path


@pytest.fixture(scope="session")
def roots() -> Iterator[dict[str, Path]]:
    """Start the share for all tests."""
    with smb.share() as paths:
        yield paths


@pytest.fixture
def share(roots: dict[str, Path]) -> Iterator[Share]:
    """Make a new model folder on the share."""
    name = f"test-{secrets.token_hex(8)}"
    (roots["SHARE"] / name).mkdir()
    yield Share(roots["SHARE"] / name, roots["MOUNT"] / name)
    shutil.rmtree(roots["SHARE"] / name)


@pytest.fixture
def start(share: Share) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Return a function that starts a waiter in front of the share, and returns when it waits."""
    with ExitStack() as stack:

        def make(**variables: object) -> "subprocess.Popen[str]":
            defaults = {"MODELFOLDER": share.read, "WAIT_TIMEOUT": 60, "WAIT_INTERVAL": INTERVAL}
            unset = {variable.name: "" for variable in settings.variables(Settings)}
            values = {name: str(value) for name, value in (defaults | variables).items()}
            environ = os.environ | unset | values  # an empty value counts as not set
            command = [sys.executable, "-m", "modelsystem_waiter"]
            process = running(command, env=environ, stdout=subprocess.PIPE, text=True)
            waiter = stack.enter_context(process)
            assert waiter.stdout
            assert any("File not found!" in line for line in waiter.stdout)
            return waiter

        yield make


def write_model(target: Path) -> Marker:
    """Write all of a model but its marker, and return the marker."""
    attempt = target / folder.new_attempt_name()
    attempt.mkdir()
    for name in ("items.npy", "similar.npy", "users.npy"):
        (attempt / name).write_bytes(random.Random(name).randbytes(3 * CHUNK))
    names = sorted(path.name for path in attempt.iterdir())
    listing = manifest.listing(publication.describe(attempt, names))
    content = Manifest({"format": manifest.FORMAT, "build": "7", "files": listing}, {}).to_bytes()
    files.write_new(attempt / manifest.NAME, content)
    return Marker("0.1", attempt.name, "7", files.sha256(attempt / manifest.NAME))


def copy_slowly(source: Path, target: Path) -> Iterator[None]:
    """Copy a folder chunk by chunk; after the last yield one chunk is still missing."""
    pieces = [
        (target / path.name, chunk)
        for path in sorted(source.iterdir())
        for chunk in (
            path.read_bytes()[at : at + CHUNK] for at in range(0, path.stat().st_size, CHUNK)
        )
    ]
    target.mkdir()
    for path, chunk in pieces:
        yield
        files.append(path, chunk)


@pytest.mark.parametrize("cached", [False, True])
def test_found_within_one_poll_and_two_seconds(
    share: Share, start: Callable[..., "subprocess.Popen[str]"], tmp_path: Path, *, cached: bool
) -> None:
    """The waiter ends with 0 at most a polling period and 2 s later; its copy is right."""
    waiter = start(**({"MODELCACHE": tmp_path / "cache"} if cached else {}))
    model = write_model(share.written)
    time.sleep(random.uniform(0, INTERVAL))  # any moment between two polls
    published = time.monotonic()
    assert publication.place(share.written, model) == model
    assert waiter.wait(timeout=60) == 0
    elapsed = time.monotonic() - published
    print(f"found {elapsed:.2f} s after its marker was created")
    assert elapsed <= INTERVAL + 2
    if cached:
        copy = folder.published(tmp_path / "cache")
        folder.verify(copy)
        assert folder.marker_bytes(copy.folder) == folder.marker_bytes(share.written)


@pytest.mark.parametrize("cached", [False, True])
def test_a_half_copied_model_is_never_accepted(
    share: Share, start: Callable[..., "subprocess.Popen[str]"], tmp_path: Path, *, cached: bool
) -> None:
    """A model whose marker arrives first is accepted only after its last byte."""
    (tmp_path / "whole").mkdir()
    model = write_model(tmp_path / "whole")
    cache = {"MODELCACHE": tmp_path / "cache"} if cached else {}
    waiter = start(WAIT_INTERVAL=0.1, **cache)
    publication.place(share.written, model)
    for _ in copy_slowly(tmp_path / "whole" / model.attempt, share.written / model.attempt):
        time.sleep(0.4)  # a few polls
        assert waiter.poll() is None, "it ended before the last byte was written"
        assert not (tmp_path / "cache" / marker.NAME).exists()
    assert waiter.wait(timeout=60) == 0
    if cached:
        folder.verify(folder.published(tmp_path / "cache"))


def test_a_marker_that_arrives_slowly(
    share: Share, start: Callable[..., "subprocess.Popen[str]"]
) -> None:
    """A marker that is seen before all of its content is not accepted."""
    waiter = start(WAIT_INTERVAL=0.1)
    whole = write_model(share.written).to_bytes()
    for at in range(0, len(whole), 50):
        files.append(share.written / marker.NAME, whole[at : at + 50])
        if at + 50 < len(whole):
            time.sleep(0.4)  # a few polls
            assert waiter.poll() is None, "it ended before the marker was whole"
    assert waiter.wait(timeout=60) == 0


def test_a_folder_that_the_trainer_makes(
    share: Share, start: Callable[..., "subprocess.Popen[str]"]
) -> None:
    """A model folder that is created behind the server is seen in front of it."""
    inner = "20180523.5"
    waiter = start(MODELFOLDER=share.read / inner)
    (share.written / inner).mkdir()
    model = write_model(share.written / inner)
    publication.place(share.written / inner, model)
    assert waiter.wait(timeout=60) == 0
