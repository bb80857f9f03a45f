"""Durable files: written once, synced and hashed; safe on SMB (no rename, no lock)."""

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 20
# How SMB and some FUSE mounts refuse to sync a folder: there the server does it.
_NO_FOLDER_SYNC = {
    errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EISDIR, errno.EACCES,
    errno.EPERM,
}  # fmt: skip


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name the file in an OSError of a call that knows only its descriptor."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def reason(error: OSError) -> str:
    """Return the error in words, with the file that it is about."""
    words = error.strerror or str(error)
    return words if error.filename is None else f"{words} ({error.filename})"


def chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the file's content, at most 1 MiB at a time."""
    while chunk := file.read(CHUNK):
        yield chunk


def sha256(path: Path) -> str:
    """Return the file's SHA-256 in hex."""
    with naming(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_new(path: Path, *parts: bytes | memoryview) -> None:
    """Create `path` exclusively from its parts, sync and close it; a failure leaves no file.

    parts: bytes, of any size; what fits into one call of the system, 2 GiB, takes one write.

    Raises:
        FileExistsError: the file exists already.

    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        with _closing(descriptor, path):
            for part in parts:
                _write_all(descriptor, memoryview(part))
            os.fsync(descriptor)
    except OSError:
        path.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _closing(descriptor: int, path: Path) -> Iterator[None]:
    """Close a descriptor in the end, and name its file in errors, those of the close too."""
    with naming(path):
        try:
            yield
        finally:
            os.close(descriptor)


def _write_all(descriptor: int, rest: memoryview) -> None:
    """Write bytes; the write that finds no room after a part of them raises the error."""
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def append(path: Path, line: bytes) -> None:
    """Append to `path` and close it: on SMB other nodes see the line after the close."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    with _closing(descriptor, path):
        os.write(descriptor, line)
        os.fsync(descriptor)


def make_folder(path: Path) -> None:
    """Make the folder and those above it that are missing, each with a durable name."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync_folder(folder.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable, if the file system can sync a folder.

    Raises:
        OSError: it can, and failed.

    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            error.filename = str(path)
            raise


def is_full(path: Path) -> bool:
    """Return whether the volume of a path cannot take one more block; False if it does not tell."""
    try:
        volume = os.statvfs(path)
    except OSError:
        return False
    return volume.f_blocks > 0 and volume.f_bavail == 0


def read_bounded(path: Path, most: int) -> bytes:
    """Return at most `most` bytes of the file: a wrong file cannot fill the memory."""
    with naming(path), path.open("rb") as file:
        return file.read(most)


def copy_hashed(source: Path, target: Path) -> str:
    """Copy the file and return the SHA-256 of the bytes that were written."""
    digest = hashlib.sha256()
    with (
        naming(source),
        source.open("rb") as reader,
        naming(target),
        target.open("xb") as writer,
    ):
        for chunk in _named_chunks(reader, source):
            digest.update(chunk)
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
    return digest.hexdigest()


def _named_chunks(file: BinaryIO, path: Path) -> Iterator[bytes]:
    with naming(path):
        yield from chunks(file)
