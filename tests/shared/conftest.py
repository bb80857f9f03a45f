"""Factories of real model folders."""

import hashlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from modelsystem_shared import folder, manifest, publication
from modelsystem_shared.folder import Published
from modelsystem_shared.manifest import Manifest
from modelsystem_shared.marker import Marker

BUILD = "20180523.5"
hypothesis.settings.register_profile(  # a busy machine is no failure
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")


@pytest.fixture
def make_marker() -> Callable[..., Marker]:
    """Make a whole marker."""

    def make(attempt: str = "attempt-a", build: str = BUILD, score: str = "0.148812") -> Marker:
        return Marker(score, attempt, build, hashlib.sha256(attempt.encode()).hexdigest())

    return make


@pytest.fixture
def make_attempt(tmp_path: Path) -> Callable[..., tuple[Path, Manifest]]:
    """Write an attempt below `tmp_path` that lacks nothing but its publication."""

    def make(name: str = "attempt-a", build: str = BUILD) -> tuple[Path, Manifest]:
        attempt = tmp_path / name
        attempt.mkdir()
        contents = {"items.ends.npy": b"ends", "similarity.npy": name.encode()}
        for file, content in contents.items():
            (attempt / file).write_bytes(content)
        listed = manifest.listing(publication.describe(attempt, list(contents)))
        return attempt, Manifest(
            {"format": manifest.FORMAT, "build": build, "files": listed}, {"host": "here"}
        )

    return make


@pytest.fixture
def make_published(
    tmp_path: Path, make_attempt: Callable[..., tuple[Path, Manifest]]
) -> Callable[..., Published]:
    """Publish a small model in `tmp_path`."""

    def make(build: str = BUILD, tenant: str | None = None) -> Published:
        attempt, content = make_attempt(build=build)
        content.model["tenant"] = tenant
        publication.publish(tmp_path, attempt, content, "0.148812")
        return folder.published(tmp_path)

    return make


@pytest.fixture
def own_signals() -> Iterator[None]:
    """Give the test runner its signal handlers back: `program.run` takes them."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)
