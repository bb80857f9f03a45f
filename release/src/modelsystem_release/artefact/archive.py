"""A folder as one `.tar.gz` whose bytes depend on names and contents only.

The blocks are stored without compression: compressed bytes depend on the version of a library.
"""

import gzip
import io
import struct
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from modelsystem_shared.errors import UsageError

Contents = dict[str, bytes]
MOST_BYTES = 16 << 20
_MOST_FILES = 1_000
_BLOCK = 0xFFFF
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # gzip, no name, no time, no system
_LEFT_OUT = {"__pycache__", ".git", ".DS_Store"}


def of_folder(folder: Path) -> Contents:
    """Return the contents of all files below a folder, by their names relative to it.

    Raises:
        UsageError: there is a link, or there is too much.

    """
    contents: Contents = {}
    size = 0
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if _LEFT_OUT & set(name.parts) or path.is_dir():
            continue
        if path.is_symlink() or not path.is_file():
            raise UsageError(f"{path}: only plain files can be packaged")
        size += path.stat().st_size
        if size > MOST_BYTES or len(contents) >= _MOST_FILES:
            raise UsageError(f"{folder}: more than {MOST_BYTES >> 20} MiB or {_MOST_FILES} files")
        contents[name.as_posix()] = path.read_bytes()
    return contents


def pack(top: str, contents: Mapping[str, bytes]) -> bytes:
    """Return the archive, with all files below the folder `top`."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(contents):
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size, member.mode = len(contents[name]), 0o644
            tar.addfile(member, io.BytesIO(contents[name]))
    return _stored(stream.getvalue())


def unpack(path: Path) -> Contents:
    """Return the files of an archive, by their names below its one top folder.

    Raises:
        UsageError: it is not such an archive.

    """
    try:
        with gzip.open(path) as file:
            content = file.read(MOST_BYTES * 2 + 1)
        if len(content) > MOST_BYTES * 2:
            raise UsageError(f"{path}: too large for an artefact")
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            files = dict(_files(tar))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    except (EOFError, zlib.error, tarfile.TarError) as error:
        raise UsageError(f"{path}: not a .tar.gz: {error}") from error
    if len({name.partition("/")[0] for name in files}) != 1:
        raise UsageError(f"{path}: not a chart: it must hold exactly one folder")
    return {name.partition("/")[2]: content for name, content in files.items()}


def _files(tar: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in tar:
        if reader := tar.extractfile(member):
            yield member.name, reader.read()


def _stored(content: bytes) -> bytes:
    """Return a gzip file of stored blocks (RFC 1951, 3.2.4; RFC 1952)."""
    parts = [_HEADER]
    for start in range(0, len(content), _BLOCK):
        block = content[start : start + _BLOCK]
        is_last = start + _BLOCK >= len(content)
        parts += [struct.pack("<BHH", is_last, len(block), len(block) ^ 0xFFFF), block]
    parts.append(struct.pack("<II", zlib.crc32(content), len(content)))
    return b"".join(parts)
