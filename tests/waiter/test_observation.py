"""One check accepts only the bytes that were published."""

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from modelsystem_shared import manifest, marker, progress
from modelsystem_shared.errors import FormatError
from modelsystem_shared.marker import Marker
from modelsystem_shared.progress import Failure, Progress
from modelsystem_waiter.observation import observe
from modelsystem_waiter.settings import Settings
from modelsystem_waiter.verdict import Observation

Make = Callable[..., Any]


def test_an_empty_folder(configure: Make) -> None:
    """An empty folder holds no model, no attempts and no trouble."""
    assert observe(configure()) == Observation(attempts={})


def test_each_attempt_is_observed(configure: Make, new_attempt: Make) -> None:
    """Each attempt has its latest progress and its failure."""
    first, second = new_attempt(), new_attempt()
    failure = Failure("no storage", retry_helps=True, exit_code=5)
    progress.append(first, Progress("read", 0.0, 1))
    progress.append(first, Progress("fit", 0.5, 2))
    progress.fail(second, failure)
    attempts = observe(configure()).attempts
    assert attempts
    assert attempts[first.name].progress == Progress("fit", 0.5, 2)
    assert attempts[first.name].failure is None
    assert attempts[second.name].failure == failure


def test_no_part_of_a_marker_is_a_marker(
    configure: Make, publish: Make, model_folder: Path
) -> None:
    """A marker cut anywhere reads as not complete yet."""
    publish()
    path, config = model_folder / marker.NAME, configure()
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        observation = observe(config)
        assert observation.model is None
        assert observation.mismatch is None
    path.write_bytes(whole)
    assert observe(config).model


@pytest.fixture(params=["verified in place", "copied"])
def either(request: pytest.FixtureRequest, configure: Make, tmp_path: Path) -> Settings:
    """Set, or do not set, a MODELCACHE."""
    cache = {"MODELCACHE": tmp_path / "cache"} if request.param == "copied" else {}
    config: Settings = configure(**cache)
    return config


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda attempt: (attempt / "items.npy").unlink(), "is missing"),
        (
            lambda attempt: (attempt / "items.npy").write_bytes(b"else"),
            "digest in manifest.json",
        ),
        (lambda attempt: (attempt / "extra.npy").touch(), "is extra"),
        (lambda attempt: (attempt / "folder").mkdir(), "is extra"),
        (lambda attempt: (attempt / manifest.NAME).unlink(), "cannot be read"),
        (
            lambda attempt: (attempt / manifest.NAME).write_text("{}"),
            "digest in complete.txt",
        ),
        (lambda attempt: attempt.rename(attempt.with_name("away")), "cannot be read"),
    ],
)
def test_what_is_refused(
    either: Settings,
    publish: Make,
    spoil: Callable[[Path], object],
    words: str,
) -> None:
    """A file missing, changed or extra is a mismatch, with a cache and without."""
    spoil(either.model_folder / publish().attempt)
    observation = observe(either)
    assert observation.model is None
    assert observation.mismatch
    assert words in observation.mismatch
    assert either.model_cache is None or not (either.model_cache / marker.NAME).exists()


def test_an_unreadable_model_file(
    configure: Make, publish: Make, model_folder: Path, tmp_path: Path
) -> None:
    """A model file that cannot be read while it is copied is a mismatch, not the cache's fault."""
    path = model_folder / publish().attempt / "items.npy"
    path.unlink()
    path.mkdir()  # there, but no file
    observation = observe(configure(MODELCACHE=tmp_path / "cache"))
    assert observation.mismatch == f"{path} is not a plain file"


def test_a_late_heartbeat_is_no_extra_file(
    configure: Make, publish: Make, model_folder: Path
) -> None:
    """The published attempt's progress file may still grow."""
    progress.append(model_folder / publish().attempt, Progress("publish", 1.0, 9))
    assert observe(configure()).model


@dataclass(frozen=True)
class Corruption:
    """A file's content with one byte changed, or cut short."""

    path: Path
    content: bytes
    description: str


def corruptions(attempt: Path, count: int, chance: random.Random) -> Iterator[Corruption]:
    """Corrupt the marker, the manifest and the model files in random places."""
    paths = [attempt.parent / marker.NAME, *sorted(attempt.iterdir())]
    for _ in range(count):
        path = chance.choice(paths)
        content = path.read_bytes()
        at = chance.randrange(len(content))
        if chance.random() < 0.5:
            yield Corruption(path, content[:at], f"{path} cut at {at}")
        else:
            changed = bytes([content[at] ^ chance.randrange(1, 256)])
            yield Corruption(path, content[:at] + changed + content[at + 1 :], f"{path} at {at}")


def accepted(configs: list[Settings], attempt: Path, count: int, seed: int) -> list[str]:
    """Return which of so many corruptions were accepted: none, let us hope."""
    wrong = []
    for number, spoiled in enumerate(corruptions(attempt, count, random.Random(seed))):
        whole = spoiled.path.read_bytes()
        spoiled.path.write_bytes(spoiled.content)
        config = configs[number % len(configs)]
        model = observe(config).model
        if model or (config.model_cache and (config.model_cache / marker.NAME).exists()):
            wrong.append(spoiled.description)
        spoiled.path.write_bytes(whole)
    return wrong


@pytest.fixture
def refuse(
    configure: Make, publish: Make, model_folder: Path, tmp_path: Path
) -> Callable[[int, int], None]:
    """Check that so many random corruptions are refused, in place and by the copy in turn."""

    def check(count: int, seed: int) -> None:
        attempt = model_folder / publish().attempt
        configs = [configure(), configure(MODELCACHE=tmp_path / "cache")]
        assert accepted(configs, attempt, count, seed) == [], f"seed {seed}"
        assert all(observe(config).model for config in configs), "the whole model is refused too"

    return check


def test_corruptions_are_refused(refuse: Callable[[int, int], None]) -> None:
    """No single-byte change and no truncation is accepted."""
    refuse(50, 1)


@pytest.mark.faults
def test_many_corruptions_are_refused(
    refuse: Callable[[int, int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """The same, 500 times FAULTS, from another seed each time."""
    count = 500 * int(os.environ.get("FAULTS", "1"))
    refuse(count, random.SystemRandom().randrange(1 << 32))
    with capsys.disabled():
        print(f"\n{count} of {count} corruptions refused by the waiter")


def test_another_format_is_no_stale_cache(
    configure: Make, publish: Make, model_folder: Path
) -> None:
    """The manifest has its digest, so the wait ends at once, with the format and the path."""
    standing: Marker = publish()
    path = model_folder / standing.attempt / manifest.NAME
    content = path.read_bytes().replace(b'"format": 2', b'"format": 1')
    path.write_bytes(content)
    resealed = replace(standing, manifest_sha256=sha256(content).hexdigest())
    (model_folder / marker.NAME).write_bytes(resealed.to_bytes())
    with pytest.raises(FormatError, match=f"^{path} has format 1, and this version reads format 2"):
        observe(configure())
