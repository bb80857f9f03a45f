"""The model folder: attempts beside each other, and a marker that names the published one.

    MODELFOLDER/
      complete.txt                    published last; see `marker`
      attempt-20180523T015959-1f0c…/  one for each training that was started here
        *.npy …                       the model files
        manifest.json                 names every file; see `manifest`
        model.sig                     the signature, if there is one; see `signing`
        progress.jsonl, failed.json   see `progress`
        reserve                       room for failed.json, until the model is written

A model is complete or absent; there is no third state. This needs a file system that shows the
bytes of a closed file after some time. Until then a stale view looks incomplete or corrupt, never
complete and wrong.
"""

import hashlib
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelsystem_shared import files, manifest, marker, progress
from modelsystem_shared.errors import (
    CorruptModelError,
    IncompleteModelError,
    SettingsError,
    SignatureError,
    UnreadableModelError,
)
from modelsystem_shared.manifest import Manifest, ModelFile
from modelsystem_shared.marker import Marker

if TYPE_CHECKING:  # needs cryptography, which is imported only if there are keys
    from modelsystem_shared.signing import TrustedKeys

# Files beside a model that its signature is not about.
UNSIGNED = (marker.SIGNATURE, progress.PROGRESS)


@dataclass(frozen=True)
class Published:
    """A complete model: its marker, the manifest whose digest the marker holds, and its folder."""

    folder: Path
    marker: Marker
    manifest: Manifest

    @property
    def attempt(self) -> Path:
        """The folder that holds the model files."""
        return self.folder / self.marker.attempt

    @property
    def extent(self) -> str:
        """The number of the model's files, their size, and their folder, as text."""
        megabytes = sum(file.size for file in self.manifest.files) / 1e6
        return f"{len(self.manifest.files)} files, {megabytes:,.1f} MB, in {self.attempt}"

    @property
    def seals(self) -> Mapping[str, str]:
        """The SHA-256 of each file that the marker names, not the manifest."""
        digests = {manifest.NAME: self.marker.manifest_sha256}
        if self.marker.signature_sha256:
            digests[marker.SIGNATURE] = self.marker.signature_sha256
        return digests


def new_attempt_name() -> str:
    """Return a unique name; the time in it is for people."""
    return f"attempt-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"


def attempts(folder: Path) -> list[Path]:
    """Return the folders of all attempts, running and ended."""
    try:
        return sorted(path for path in folder.iterdir() if marker.ATTEMPT.fullmatch(path.name))
    except (FileNotFoundError, NotADirectoryError):
        return []


def marker_bytes(folder: Path) -> bytes | None:
    """Return the content of the marker file, whole or not; None if there is no such file."""
    try:
        return files.read_bounded(folder / marker.NAME, marker.MOST_BYTES)
    except FileNotFoundError:
        return None


def read_marker(folder: Path) -> Marker | None:
    """Return the folder's marker; None if there is no whole one."""
    return marker.parse(marker_bytes(folder) or b"")


def published(
    folder: Path,
    build: str | None = None,
    trusted: "TrustedKeys | None" = None,
    tenant: str | None = None,
) -> Published:
    """Open the folder's published model, its manifest checked against the marker.

    build, tenant: the build that the model must be of (BUILDNUMBER), and its tenant (TENANTID) or
        None; if both are None, any.
    trusted: the keys, one of which must have signed the model (TRUSTED_KEYS); None for any or none.

    Raises:
        IncompleteModelError: there is no whole marker.
        SettingsError: the model is of another build or tenant.
        FormatError: the manifest has a format that this version does not read.
        CorruptModelError: the manifest or the signature does not have the digest in the marker.
        SignatureError: no trusted key has signed this model; with the reason.

    """
    standing = read_marker(folder)
    if standing is None:
        raise IncompleteModelError(f"{folder} holds no complete model ({marker.NAME})")
    if build not in (None, standing.build):
        raise SettingsError(
            [f"BUILDNUMBER is {build}, but the model in {folder} is of build {standing.build}"]
        )
    model = Published(folder, standing, _checked_manifest(folder, standing))
    if trusted:
        _check_signature(model, trusted)
    if (build, tenant) != (None, None):
        _check_tenant(model, tenant)
    return model


def _check_tenant(model: Published, tenant: str | None) -> None:
    """Refuse a model of another tenant, whose builds may have the same numbers and keys."""
    if (theirs := model.manifest.tenant) != tenant:
        ours = f"is {tenant}" if tenant else "is not set"
        raise SettingsError(
            [f"TENANTID {ours}, but the model in {model.folder} is of tenant {theirs or 'none'}"]
        )


def _check_signature(model: Published, trusted: "TrustedKeys") -> None:
    """Refuse a model, its manifest or its score if no trusted key has signed it."""
    if model.marker.signature_sha256 is None:
        raise SignatureError(f"{model.attempt} is not signed, and TRUSTED_KEYS demands a signature")
    path = model.attempt / marker.SIGNATURE
    bundle = _sealed(path, model.marker.signature_sha256)
    expected = manifest.signed_digests(model.manifest, model.marker.manifest_sha256)
    try:
        manifest.check_signed(trusted.digests(bundle), expected)
    except ValueError as error:
        raise SignatureError(f"{path} {error}") from error
    if (score := model.manifest.score) not in (None, model.marker.score):
        raise SignatureError(
            f"{model.folder / marker.NAME} has score {model.marker.score}, but {score} is signed"
        )


def _sealed(path: Path, sha256: str) -> bytes:
    """Return the content of a file whose digest is in the marker."""
    try:
        content = files.read_bounded(path, manifest.MOST_BYTES)
    except OSError as error:
        raise unreadable(path, error) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise CorruptModelError(f"{path} does not have the digest in {marker.NAME}")
    return content


def _checked_manifest(folder: Path, standing: Marker) -> Manifest:
    path = folder / standing.attempt / manifest.NAME
    parsed = manifest.parse(_sealed(path, standing.manifest_sha256), str(path))
    if parsed.build != standing.build:
        raise CorruptModelError(
            f"{path} is of build {parsed.build}, its marker of build {standing.build}"
        )
    return parsed


def verify(model: Published) -> None:
    """Hash every file of the model.

    Raises:
        CorruptModelError: naming the first file that is missing, changed or extra.

    """
    check_names(model)
    for file in model.manifest.all_files:
        check_file(model.attempt / file.name, file, _digest(model.attempt / file.name))
    for name, sha256 in model.seals.items():
        _sealed(model.attempt / name, sha256)


def check_names(model: Published) -> None:
    """Refuse a model if a file is missing or a link, or if its manifest does not list a file.

    Raises:
        CorruptModelError: naming the file.

    """
    expected = {file.name for file in model.manifest.all_files} | {*model.seals}
    try:
        with os.scandir(model.attempt) as entries:
            is_plain = {entry.name: entry.is_file(follow_symlinks=False) for entry in entries}
    except OSError as error:
        raise unreadable(model.attempt, error) from error
    present = is_plain.keys() - {progress.PROGRESS}
    if missing := sorted(expected - present):
        raise CorruptModelError(f"{model.attempt / missing[0]} is missing")
    if extra := sorted(present - expected):
        raise CorruptModelError(
            f"{model.attempt / extra[0]} is extra: the manifest does not list it"
        )
    if odd := sorted(name for name in expected if not is_plain[name]):
        raise CorruptModelError(f"{model.attempt / odd[0]} is not a plain file")


def check_file(path: Path, expected: ModelFile, digest: str) -> None:
    """Refuse a file whose digest differs from the manifest.

    Raises:
        CorruptModelError: naming the file.

    """
    if digest != expected.sha256:
        raise CorruptModelError(f"{path} does not have the digest in {manifest.NAME}")


def unreadable(path: Path, error: OSError) -> CorruptModelError:
    """Return the error for a file of the model that cannot be read, or is not there."""
    is_gone = isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError)
    kind = CorruptModelError if is_gone else UnreadableModelError
    return kind(f"{path} cannot be read: {error.strerror}")


def _digest(path: Path) -> str:
    try:
        return files.sha256(path)
    except OSError as error:
        raise unreadable(path, error) from error
