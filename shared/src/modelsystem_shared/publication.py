"""Publishing a model: first the manifest, then the marker, and never two markers.

Ownership is decided here and nowhere else: the trainer that creates the marker exclusively has
published. There is no lock, so a trainer that was killed leaves nothing locked.
"""

import contextlib
import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from modelsystem_shared import files, folder, manifest, marker
from modelsystem_shared.errors import StorageError
from modelsystem_shared.manifest import Manifest, ModelFile
from modelsystem_shared.marker import Marker

# Returns the bundle that signs a model: its name, and the SHA-256 in hex of each of its files.
Sign = Callable[[str, Mapping[str, str]], bytes]
log = logging.getLogger(__name__)
DEAD_AFTER = 10.0  # seconds a marker may be short: its writer needs one write for it
_POLL = 0.2
_ROUNDS = 5


def write(attempt: Path, name: str, *parts: bytes | memoryview) -> ModelFile:
    """Write a file of an attempt from its parts, synced, and return its size and SHA-256.

    They are those of the content, not of what is on the volume by now: a model is published, and
    signed, as its trainer made it, or refused by its readers.
    """
    files.write_new(attempt / name, *parts)
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return ModelFile(name, sum(memoryview(part).nbytes for part in parts), digest.hexdigest())


def describe(attempt: Path, names: list[str]) -> list[ModelFile]:
    """Return size and SHA-256 of an attempt's files, read from the disk."""
    return [
        ModelFile(name, (attempt / name).stat().st_size, files.sha256(attempt / name))
        for name in names
    ]


def publish(
    target: Path, attempt: Path, content: Manifest, score: str, sign: Sign | None = None
) -> Marker:
    """Seal `attempt` with manifest and signature, then publish it by the marker in `target`.

    Returns the marker that stands in the end: ours, or the marker of another trainer that was
    first; its files are left alone.

    Raises:
        StorageError: the marker does not keep the content that was written.

    """
    sealed, signature = write(attempt, manifest.NAME, content.to_bytes()), None
    if sign:
        digests = manifest.signed_digests(content, sealed.sha256)
        signature = write(attempt, marker.SIGNATURE, sign(attempt.name, digests)).sha256
    files.sync_folder(attempt)
    return place(target, Marker(score, attempt.name, content.build, sealed.sha256, signature))


def place(target: Path, ours: Marker) -> Marker:
    """Create the marker, or return the one that another trainer created first; see `publish`.

    The names in `target` are synced first: after a crash no marker may stand without its attempt.
    """
    files.sync_folder(target)
    for _ in range(_ROUNDS):
        with contextlib.suppress(FileExistsError):
            files.write_new(target / marker.NAME, ours.to_bytes())
            files.sync_folder(target)
        if standing := _settled(target):
            return standing
        remove_short_marker(target)
    raise StorageError(f"{target / marker.NAME} does not keep the content that was written")


def _settled(target: Path) -> Marker | None:
    """Wait for a whole marker while its writer may be alive; None if it stays short, or is gone."""
    deadline = time.monotonic() + DEAD_AFTER
    while (content := folder.marker_bytes(target)) is not None:
        if standing := marker.parse(content):
            return standing
        if time.monotonic() > deadline:
            return None
        time.sleep(_POLL)
    return None


def remove_short_marker(target: Path) -> None:
    """Remove a marker that was short for too long: its writer was killed.

    A rename takes it away atomically. Then it is read once more: if another trainer has completed
    it in the same moment, it is put back unchanged.
    """
    removed = target / f"{marker.NAME}.dead-{secrets.token_hex(4)}"
    try:
        (target / marker.NAME).rename(removed)
    except FileNotFoundError:
        return
    content = files.read_bounded(removed, marker.MOST_BYTES)
    if marker.parse(content):
        with contextlib.suppress(FileExistsError):
            files.write_new(target / marker.NAME, content)
    else:
        log.warning("Removed the short %s of a trainer that was killed", marker.NAME)
    removed.unlink()
