"""The model folder: attempts beside each other, and a marker that names the published one.

    MODELFOLDER/
      complete.txt                    published last; see `marker`
      attempt-20180523T015959-1f0c…/  one for each training that was started here
        *.npy …                       the model files
        manifest.json                 names every file; see `manifest`
        progress.jsonl, failed.json   see `progress`

Complete or absent: there is no other state. Reading holds for any file system that shows a
closed file's bytes in the end; a stale view looks incomplete or corrupt for a while, never
complete and wrong.
"""

import hashlib
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from modelsystem_shared import files, manifest, marker, progress
from modelsystem_shared.errors import CorruptModelError, IncompleteModelError
from modelsystem_shared.manifest import Manifest, ModelFile
from modelsystem_shared.marker import Marker


@dataclass(frozen=True)
class Published:
    """A complete model: the marker, the manifest it vouches for, and where the files are."""

    folder: Path
    marker: Marker
    manifest: Manifest

    @property
    def attempt(self) -> Path:
        """The folder that holds the model files."""
        return self.folder / self.marker.attempt


def new_attempt_name() -> str:
    """Return a name that nobody else chooses; the time in it is for people."""
    return f"attempt-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"


def attempts(folder: Path) -> list[Path]:
    """List the folders of all attempts, dead or alive."""
    try:
        return sorted(path for path in folder.iterdir() if marker.ATTEMPT.fullmatch(path.name))
    except (FileNotFoundError, NotADirectoryError):
        return []


def marker_bytes(folder: Path) -> bytes | None:
    """Return the marker file's content, whole or not, or None where there is none."""
    try:
        return files.read_bounded(folder / marker.NAME, marker.MOST_BYTES)
    except FileNotFoundError:
        return None


def read_marker(folder: Path) -> Marker | None:
    """Return the folder's marker, or None as long as there is no whole one."""
    return marker.parse(marker_bytes(folder) or b"")


def published(folder: Path) -> Published:
    """Open the folder's published model, its manifest checked against the marker.

    Raises:
        IncompleteModelError: there is no whole marker.
        CorruptModelError: the manifest is not what the marker vouches for.

    """
    found = read_marker(folder)
    if found is None:
        raise IncompleteModelError(f"{folder}: there is no complete model ({marker.NAME}) here")
    return Published(folder, found, _vouched_manifest(folder, found))


def _vouched_manifest(folder: Path, found: Marker) -> Manifest:
    path = folder / found.attempt / manifest.NAME
    try:
        content = files.read_bounded(path, manifest.MOST_BYTES)
    except OSError as error:
        raise CorruptModelError(f"{path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != found.manifest_sha256:
        raise CorruptModelError(f"{path} is not the one that {marker.NAME} vouches for")
    read = manifest.parse(content)
    if read.build != found.build:
        raise CorruptModelError(f"{path} is of build {read.build}, its marker of {found.build}")
    return read


def verify(model: Published) -> None:
    """Hash every file of the model.

    Raises:
        CorruptModelError: naming the first file that is missing, changed or extra.

    """
    check_names(model)
    for file in model.manifest.files:
        check_file(model.attempt / file.name, file, _digest(model.attempt / file.name))


def check_names(model: Published) -> None:
    """Refuse a model with a file missing, or with one that its manifest does not cover.

    Raises:
        CorruptModelError: naming the file.

    """
    expected = {file.name for file in model.manifest.files} | {manifest.NAME}
    try:
        present = {path.name for path in model.attempt.iterdir()} - {progress.PROGRESS}
    except OSError as error:
        raise CorruptModelError(f"{model.attempt} cannot be listed: {error.strerror}") from error
    if missing := sorted(expected - present):
        raise CorruptModelError(f"{model.attempt / missing[0]} is missing")
    if extra := sorted(present - expected):
        raise CorruptModelError(f"{model.attempt / extra[0]} is extra: no manifest covers it")


def check_file(path: Path, expected: ModelFile, digest: str) -> None:
    """Refuse a file whose bytes are not those of the manifest.

    Raises:
        CorruptModelError: naming the file.

    """
    if digest != expected.sha256:
        raise CorruptModelError(f"{path} is not the file that {manifest.NAME} lists")


def _digest(path: Path) -> str:
    try:
        return files.sha256(path)
    except OSError as error:
        raise CorruptModelError(f"{path} cannot be read: {error.strerror}") from error
