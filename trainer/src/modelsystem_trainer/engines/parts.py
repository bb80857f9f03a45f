"""Files of a folder that phases share: arrays that are mapped, and parts that are whole or absent.

A part holds some arrays, one after the other in numpy's format, and ends with the SHA-256 of all
bytes before: a file that a dead worker, a full volume or a crash has cut short is never read as a
whole one. Many workers may write the same part at once: all write the same bytes.
"""

import contextlib
import hashlib
import io
import json
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import numpy as np

from modelsystem_shared import files
from modelsystem_shared.errors import StorageError
from modelsystem_shared.numeric.arrays import Array

_DIGEST = hashlib.sha256().digest_size
_TRIES, _PAUSE = 20, 0.2  # of a removal; seconds


class _Hashed:
    """Writes to a file and hashes what it writes; numpy asks for no more than `write`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.digest.update(data)
        self._file.write(data)


def write(path: Path, *arrays: Array) -> None:
    """Write arrays into one part."""
    with new(path) as file:
        hashed = _Hashed(file)
        for array in arrays:
            np.save(hashed, array, allow_pickle=False)
        file.write(hashed.digest.digest())


def read(path: Path) -> list[Array]:
    """Return the arrays of a part.

    Raises:
        StorageError: it is not whole; a training that is started again makes it again.

    """
    content = path.read_bytes()
    end = max(len(content) - _DIGEST, 0)
    if hashlib.sha256(memoryview(content)[:end]).digest() != content[end:]:
        raise StorageError(f"{path} is cut short or changed")
    arrays, stream = [], io.BytesIO(content)  # no copy
    while stream.tell() < end:
        arrays.append(np.load(stream, allow_pickle=False))
    return arrays


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write a small object into one part."""
    write(path, json_array(content))


def json_array(content: Mapping[str, object]) -> Array:
    """Return a small object as an array of bytes, to be part of a part."""
    return np.frombuffer(json.dumps(content).encode(), np.uint8)


def read_json(path: Path) -> dict[str, Any]:
    """Return the object of a part; errors as of `read`."""
    return parsed(read(path)[0])


def read_json_once(path: Path) -> dict[str, Any]:
    """Return the object of a part that many phases of a process read and none changes."""
    status = path.stat()
    return _read_json((status.st_mtime_ns, status.st_ino, status.st_size), path)


@lru_cache(maxsize=4)
def _read_json(_state: tuple[int, int, int], path: Path) -> dict[str, Any]:
    return read_json(path)


def parsed(array: Array) -> dict[str, Any]:
    """Return the object that is one array of a part."""
    content: dict[str, Any] = json.loads(array.tobytes())
    return content


def save(path: Path, array: Array) -> None:
    """Write one array for `mapped`; like a part it gets its name when it is whole."""
    with new(path) as file:
        # By its method: numpy writes into a file in a way that loses the reason of a failure.
        np.save(SimpleNamespace(write=file.write), array, allow_pickle=False)


def mapped(path: Path) -> Array:
    """Map an array, which may be larger than the memory; all workers share its pages."""
    array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    return np.asarray(array)  # the same pages, without memmap's slow slicing


@contextlib.contextmanager
def new(path: Path) -> Iterator[BinaryIO]:
    """Open a file of another name, which is renamed when it is written and removed on failure."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with files.naming(path), temporary.open("xb") as file:
            yield file
        try:
            temporary.replace(path)
        except OSError:  # on SMB, if a reader has the same part of another worker open
            if not path.exists():
                raise
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def removed_at_end(folder: Path) -> Iterator[Path]:
    """Remove a folder at the end; if an error ends it, that error is raised whatever happens.

    Threads that a signal does not wait for may write for another moment.

    Raises:
        StorageError: the folder cannot be removed.

    """
    try:
        yield folder
    except BaseException:
        with contextlib.suppress(StorageError):
            remove(folder)
        raise
    remove(folder)


def remove(folder: Path) -> None:
    """Remove a folder in which workers of other machines may write for another moment.

    Raises:
        StorageError: it cannot be removed.

    """
    reason: object = "its files change all the time"
    for _ in range(_TRIES):
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:  # all of it, or a file that its worker has just renamed
            if not folder.exists():
                return
        except OSError as error:
            reason = error.strerror or error
        else:
            return
        time.sleep(_PAUSE)
    raise StorageError(f"{folder} cannot be removed: {reason}")
