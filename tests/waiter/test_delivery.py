"""The copy in MODELCACHE is the model, marker last, or it is not there."""

import logging
import os
import resource
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from modelsystem_shared import folder, manifest, marker
from modelsystem_shared.errors import CorruptModelError, SettingsError, StorageError
from modelsystem_waiter import delivery
from modelsystem_waiter.settings import Settings

Make = Callable[..., Any]


@pytest.fixture
def cached(configure: Make, tmp_path: Path) -> Settings:
    """Set a MODELCACHE that does not exist yet."""
    config: Settings = configure(MODELCACHE=tmp_path / "pod" / "cache")
    return config


def contents(root: Path) -> dict[str, bytes]:
    """Return everything below a folder, by its path."""
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_the_copy_is_the_model(cached: Settings, publish: Make, model_folder: Path) -> None:
    """The cache becomes a model folder of the same bytes, which verifies by itself."""
    publish()
    delivery.receive(cached)
    assert cached.model_cache
    assert contents(cached.model_cache) == contents(model_folder)
    folder.verify(folder.published(cached.model_cache))


def test_the_copy_leaves_the_rest_behind(
    cached: Settings, publish: Make, new_attempt: Make, model_folder: Path
) -> None:
    """Neither other attempts nor the progress file are copied."""
    (new_attempt() / "half.npy").write_bytes(b"half")
    published = publish()
    (model_folder / published.attempt / "progress.jsonl").write_text("{}\n")
    delivery.receive(cached)
    assert cached.model_cache
    assert [path.name for path in folder.attempts(cached.model_cache)] == [published.attempt]
    assert not (cached.model_cache / published.attempt / "progress.jsonl").exists()


def test_a_cache_is_used_again(cached: Settings, publish: Make) -> None:
    """A cache that holds this model already is verified and left alone."""
    published = publish()
    delivery.receive(cached)
    assert cached.model_cache
    copy = cached.model_cache / published.attempt / "items.npy"
    before = copy.stat().st_ino, copy.stat().st_mtime_ns
    delivery.receive(cached)
    assert (copy.stat().st_ino, copy.stat().st_mtime_ns) == before


def test_leftovers_are_replaced(cached: Settings, publish: Make, model_folder: Path) -> None:
    """A partial copy, a short marker and another model give way; other files stay."""
    assert cached.model_cache
    published = publish()
    partial = cached.model_cache / published.attempt
    other = cached.model_cache / "attempt-another"
    for leftover in (partial, other):
        leftover.mkdir(parents=True)
        (leftover / "items.npy").write_bytes(b"half")
    (cached.model_cache / marker.NAME).write_text("0.1\natt")
    (cached.model_cache / "notes.txt").write_text("not ours")
    delivery.receive(cached)
    assert contents(cached.model_cache) == contents(model_folder) | {"notes.txt": b"not ours"}


def test_a_spoiled_cache_is_replaced(cached: Settings, publish: Make, model_folder: Path) -> None:
    """A whole marker over a spoiled copy is not trusted."""
    published = publish()
    delivery.receive(cached)
    assert cached.model_cache
    (cached.model_cache / published.attempt / "items.npy").write_bytes(b"spoiled")
    delivery.receive(cached)
    assert contents(cached.model_cache) == contents(model_folder)


def test_the_model_of_another_folder_is_replaced(
    cached: Settings, publish: Make, model_folder: Path
) -> None:
    """A cache with another whole model comes to hold the one that is asked for."""
    first = publish()
    delivery.receive(cached)
    (model_folder / marker.NAME).unlink()
    second = publish()
    assert first != second
    delivery.receive(cached)
    assert cached.model_cache
    assert folder.read_marker(cached.model_cache) == second
    assert [path.name for path in folder.attempts(cached.model_cache)] == [second.attempt]


def test_a_failed_copy_has_no_marker(cached: Settings, publish: Make, model_folder: Path) -> None:
    """A copy whose bytes do not hold is never marked as complete, not even over an older one."""
    first = publish()
    delivery.receive(cached)
    (model_folder / marker.NAME).unlink()
    second = publish()
    assert first != second
    (model_folder / second.attempt / "similar.ends.npy").write_bytes(b"changed")
    with pytest.raises(CorruptModelError, match=r"similar\.ends\.npy"):
        delivery.receive(cached)
    assert cached.model_cache
    assert folder.marker_bytes(cached.model_cache) is None


def test_the_bytes_that_are_copied_are_those_that_are_hashed(
    cached: Settings, publish: Make, model_folder: Path
) -> None:
    """A file that becomes one with other bytes for a second reader is read once."""
    assert cached.model_cache
    source = model_folder / publish().attempt / "items.npy"
    content = source.read_bytes()

    def show() -> None:
        source.write_bytes(content)  # waits for a reader
        with suppress(OSError):
            while True:  # until that reader has closed it
                os.close(os.open(source, os.O_WRONLY | os.O_NONBLOCK))
        source.write_bytes(b"other")

    class Swap(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "Copying" in record.msg:  # the names are checked, and nothing is copied yet
                source.unlink()
                os.mkfifo(source)
                threading.Thread(target=show, daemon=True).start()

    delivery.log.setLevel(logging.INFO)
    delivery.log.addHandler(handler := Swap())
    try:
        delivery.receive(cached)
    finally:
        delivery.log.removeHandler(handler)
        delivery.log.setLevel(logging.NOTSET)
    assert (cached.model_cache / source.parent.name / source.name).read_bytes() == content


def test_a_manifest_that_changes_meanwhile(
    cached: Settings, publish: Make, model_folder: Path
) -> None:
    """The manifest that is copied is hashed again: it may have changed since it was read."""
    assert cached.model_cache
    published = publish()
    model = folder.published(model_folder)
    (model_folder / published.attempt / manifest.NAME).write_text("{}")
    with pytest.raises(CorruptModelError, match=r"manifest\.json does not have the digest"):
        delivery.copy(model, cached.model_cache)
    assert folder.marker_bytes(cached.model_cache) is None


def test_a_copy_that_cannot_be_created(cached: Settings, publish: Make, model_folder: Path) -> None:
    """A failure to create a file in the cache is the cache's fault, not the model's."""
    assert cached.model_cache
    publish()
    model = folder.published(model_folder)
    free = os.dup(0)
    os.close(free)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, before[1]))  # enough for one open file
    try:
        with pytest.raises(StorageError, match="MODELCACHE"):
            delivery.copy(model, cached.model_cache)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_limit_is_what_the_copy_takes_on_the_disk(
    configure: Make, publish: Make, tmp_path: Path
) -> None:
    """The sum of whole blocks, as the node counts it: enough is enough, one byte less is not."""
    publish()
    cache = tmp_path / "cache"
    with pytest.raises(SettingsError, match=r"the model takes [\d,]+: raise") as refused:
        delivery.receive(configure(MODELCACHE=cache, MODELCACHE_LIMIT="1"))
    takes = int(str(refused.value).partition("takes ")[2].partition(":")[0].replace(",", ""))
    with pytest.raises(SettingsError):
        delivery.receive(configure(MODELCACHE=cache, MODELCACHE_LIMIT=takes - 1))
    delivery.receive(configure(MODELCACHE=cache, MODELCACHE_LIMIT=takes))
    used = [path.stat().st_blocks * 512 for path in (cache, *cache.rglob("*"))]
    assert sum(used) <= takes


def test_another_build_is_not_copied(configure: Make, publish: Make, tmp_path: Path) -> None:
    """The build is checked before the cache is touched."""
    publish(build="7")
    with pytest.raises(SettingsError, match=r"BUILDNUMBER is 8, but .* of build 7"):
        delivery.receive(configure(BUILDNUMBER="8", MODELCACHE=tmp_path / "cache"))
    assert not (tmp_path / "cache").exists()
