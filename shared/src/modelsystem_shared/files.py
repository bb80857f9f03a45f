"""Durable files: written once, synced and hashed; safe on SMB (no rename, no lock)."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 20


def chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the file's content, at most 1 MiB at a time."""
    while chunk := file.read(CHUNK):
        yield chunk


def sha256(path: Path) -> str:
    """Return the file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_new(path: Path, *parts: bytes | memoryview) -> None:
    """Create `path` exclusively from its parts, sync and close it; a failure leaves no file.

    parts: bytes, of any size; what fits into one call of the system, 2 GiB, takes one write.

    Raises:
        FileExistsError: the file exists already.

    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        for part in parts:
            _write_all(descriptor, memoryview(part))
        os.fsync(descriptor)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, rest: memoryview) -> None:
    """Write bytes; the write that finds no room after a part of them raises the error."""
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def append(path: Path, line: bytes) -> None:
    """Append to `path` and close it: on SMB other nodes see the line after the close."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        os.write(descriptor, line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable, if the file system can sync a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # SMB and some FUSE mounts refuse to sync a folder: the server does it
    finally:
        os.close(descriptor)


def is_full(path: Path) -> bool:
    """Return whether the volume of a path cannot take one more block; False if it does not tell."""
    try:
        volume = os.statvfs(path)
    except OSError:
        return False
    return volume.f_blocks > 0 and volume.f_bavail == 0


def read_bounded(path: Path, most: int) -> bytes:
    """Return at most `most` bytes of the file: a wrong file cannot fill the memory."""
    with path.open("rb") as file:
        return file.read(most)


def copy_hashed(source: Path, target: Path) -> str:
    """Copy the file and return the SHA-256 of the bytes that were written."""
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("xb") as writer:
        for chunk in chunks(reader):
            digest.update(chunk)
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
    return digest.hexdigest()
