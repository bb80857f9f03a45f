"""The bytes of one CSV file, compressed or not: line by line, or a chunk of lines at once."""

import gzip
import io
import zlib
from pathlib import Path
from typing import Protocol

from modelsystem_shared import files
from modelsystem_trainer.export import guess
from modelsystem_trainer.export.files import ExportFile

CHUNK = 8 << 20
_BEGINNING = 64  # bytes that tell what a file is
BROKEN = (EOFError, gzip.BadGzipFile, zlib.error)
_GZIP_MAGIC = b"\x1f\x8b"  # no UTF-8 text begins with it


class Readable(Protocol):
    """Bytes that are read line by line."""

    @property
    def has_rest(self) -> bool:
        """Whether some of the bytes that were put back are not read again yet."""

    def readline(self, most: int, /) -> bytes:
        """Return the next line, or its first `most` bytes; nothing at the end."""


class Piece(io.BytesIO):
    """A piece of a file in memory."""

    def __init__(self, content: bytes = b"") -> None:
        """Hold the content."""
        super().__init__(content)
        self._size = len(content)

    @property
    def has_rest(self) -> bool:
        """Whether some of the bytes are not read yet."""
        return self.tell() < self._size


class Source:
    """Reads a file from its start to its end, by `readline` or by `chunk`.

    at_end: whether `chunk` has reached the end of the file.
    """

    def __init__(self, file: ExportFile) -> None:
        """Open the file."""
        self._size = file.size
        self._raw = file.path.open("rb")
        self._binary: io.BufferedIOBase = self._raw
        if is_gzip(file.name, file.path):
            self._binary = gzip.GzipFile(fileobj=self._raw)
        self._rest = Piece()
        self._broken: Exception | None = None
        self.at_end = False

    @property
    def kind(self) -> str | None:
        """What the file is if it cannot be CSV; nothing of it must have been read."""
        beginning = self._read(_BEGINNING)
        self.put_back(beginning)
        return guess.kind_of_file(beginning)

    def close(self) -> None:
        """Close the file."""
        self._binary.close()
        self._raw.close()

    @property
    def bytes_read(self) -> int:
        """The number of stored (compressed) bytes that were read."""
        return self._raw.tell()

    @property
    def has_rest(self) -> bool:
        """Whether some of the bytes that were put back are not read again yet."""
        return self._rest.has_rest

    def readline(self, most: int) -> bytes:
        """Return the next line, or its first `most` bytes; nothing at the end."""
        line = self._rest.readline(most)
        if not line.endswith(b"\n") and len(line) < most:
            self.check()
            line += self._binary.readline(most - len(line))
        return line

    def chunk(self) -> bytes:
        """Return about 8 MiB that end with a line, unless a line is longer; nothing at the end.

        Of a broken gzip the whole lines are returned; then `check` raises.
        """
        content = self._rest.read()
        content += self._read(CHUNK - len(content))
        whole = content.rfind(b"\n") + 1
        if self.at_end or not (whole or self._broken):
            whole = len(content)
        self.put_back(content[whole:])
        return content[:whole]

    def put_back(self, content: bytes) -> None:
        """Put `content`, which was read last, back: it is read next."""
        self._rest = Piece(content + self._rest.read())

    def check(self) -> None:
        """Raise the error that ended `chunk`, if there is one."""
        if self._broken:
            raise self._broken

    def _read(self, most: int) -> bytes:
        parts = []
        while most > 0 and not (self._broken or self.at_end):
            try:
                parts.append(self._binary.read1(most))
            except BROKEN as error:
                self._broken = error
                break
            most -= len(parts[-1])
            self.at_end = not parts[-1]
        return b"".join(parts)


def is_gzip(name: str, path: Path) -> bool:
    """Decide by name or content: a blob named `.csv` can be stored with Content-Encoding gzip."""
    return name.lower().endswith(".gz") or files.read_bounded(path, 2) == _GZIP_MAGIC


def fault(error: Exception) -> str:
    """Return what is wrong with a gzip by one of the errors of BROKEN."""
    if isinstance(error, EOFError):
        return "it ends before its end, as after an upload that was cut off"
    if isinstance(error, gzip.BadGzipFile) and "Not a gzipped file" in str(error):
        return "its name ends with .gz, but these bytes are not gzip"
    return "its bytes are damaged"
