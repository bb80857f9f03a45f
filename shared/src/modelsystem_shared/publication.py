"""Publishing a model: manifest, then marker, and never two markers.

Ownership is decided here and nowhere else: whoever creates the marker exclusively has
published. There is no lock, so nothing can be left locked by the dead.
"""

import contextlib
import hashlib
import logging
import secrets
import time
from pathlib import Path

from modelsystem_shared import files, folder, manifest, marker
from modelsystem_shared.errors import StorageError
from modelsystem_shared.manifest import Manifest, ModelFile
from modelsystem_shared.marker import Marker

log = logging.getLogger(__name__)
DEAD_AFTER = 10.0  # seconds a marker may be short: its writer needs one write for it
_POLL = 0.2
_ROUNDS = 5


def describe(attempt: Path, names: list[str]) -> list[ModelFile]:
    """Size and hash the files of an attempt, as they are on the disk."""
    return [
        ModelFile(name, (attempt / name).stat().st_size, files.sha256(attempt / name))
        for name in names
    ]


def publish(target: Path, attempt: Path, content: Manifest, score: str) -> Marker:
    """Seal `attempt` with its manifest, then publish it by the marker in folder `target`.

    Returns the marker that stands in the end: ours, or that of another trainer who was
    first, in which case nothing of theirs was touched.

    Raises:
        StorageError: the marker did not stay as it was written.

    """
    sealed = content.to_bytes()
    files.write_new(attempt / manifest.NAME, sealed)
    files.sync_folder(attempt)
    digest = hashlib.sha256(sealed).hexdigest()
    return place(target, Marker(score, attempt.name, content.build, digest))


def place(target: Path, ours: Marker) -> Marker:
    """Create the marker, or return the one of whoever was first; see `publish`."""
    for _ in range(_ROUNDS):
        with contextlib.suppress(FileExistsError):
            files.write_new(target / marker.NAME, ours.to_bytes())
            files.sync_folder(target)
        if standing := _settled(target):
            return standing
        bury_dead_marker(target)
    raise StorageError(f"{target / marker.NAME} does not stay as it is written")


def _settled(target: Path) -> Marker | None:
    """Wait for a whole marker as long as its writer may live; None when it is dead or gone."""
    deadline = time.monotonic() + DEAD_AFTER
    while (content := folder.marker_bytes(target)) is not None:
        if standing := marker.parse(content):
            return standing
        if time.monotonic() > deadline:
            return None
        time.sleep(_POLL)
    return None


def bury_dead_marker(target: Path) -> None:
    """Remove a marker that was short for too long.

    A rename takes it away atomically, so that what was taken can be judged once more: had
    somebody published in that very moment, their marker is put back as it was.
    """
    grave = target / f"{marker.NAME}.dead-{secrets.token_hex(4)}"
    try:
        (target / marker.NAME).rename(grave)
    except FileNotFoundError:
        return
    content = files.read_bounded(grave, marker.MOST_BYTES)
    if marker.parse(content):
        with contextlib.suppress(FileExistsError):
            files.write_new(target / marker.NAME, content)
    else:
        log.warning("removed the short %s of a trainer that died", marker.NAME)
    grave.unlink()
