"""The ETL's export: which files there are, and that each was read as one whole.

Files are known by their path below the export's folder, and always taken in the order of
these names, whatever order the storage lists them in.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from modelsystem_shared import files
from modelsystem_shared.errors import DataError


@dataclass(frozen=True)
class ExportFile:
    """One CSV file: its name in the export, where its bytes are now, and what they were."""

    name: str
    path: Path
    size: int
    sha256: str
    etag: str | None
    state: tuple[int, int, int]

    @property
    def is_catalogue(self) -> bool:
        """Whether it lists items rather than interactions."""
        return PurePosixPath(self.name).name.lower().startswith("items")

    def check_unchanged(self) -> None:
        """Refuse a file that was written to since it was hashed.

        Raises:
            DataError: naming the file.

        """
        if not self.path.exists() or _state(self.path) != self.state:
            raise DataError(f"{self.name} changed while it was read: let the ETL finish first")


@dataclass(frozen=True)
class Export:
    """All CSV files of one night, by name, and where they came from."""

    location: str
    files: Sequence[ExportFile]


def is_csv(name: str) -> bool:
    """Whether a file of this name belongs to an export; hidden ones do not."""
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and path.name.lower().endswith((".csv", ".csv.gz"))


def of_files(location: str, found: Sequence[ExportFile]) -> Export:
    """Make an export of files found at `location`.

    Raises:
        DataError: there are none.

    """
    if not found:
        raise DataError(f"{location}: there is no *.csv or *.csv.gz file in or below this folder")
    return Export(location, sorted(found, key=lambda file: file.name))


def describe(name: str, path: Path, etag: str | None = None) -> ExportFile:
    """Size and hash a file on the disk.

    Raises:
        DataError: it cannot be read, or named in a manifest.

    """
    try:
        name.encode()
        state = _state(path)
        return ExportFile(name, path, state[0], files.sha256(path), etag, state)
    except UnicodeEncodeError as error:
        raise DataError(f"{name}: this file's name is not UTF-8") from error
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}") from error


def of_folder(folder: Path) -> Export:
    """Find the export in a local folder.

    Raises:
        DataError: there is no such folder, or no CSV file in it.

    """
    if not folder.is_dir():
        raise DataError(f"CSV_FOLDER: {folder} is not a folder")
    found = [
        Path(root, name) for root, _, names in os.walk(folder, onerror=_refuse) for name in names
    ]
    names = [path.relative_to(folder).as_posix() for path in found]
    return of_files(str(folder), [describe(n, folder / n) for n in names if is_csv(n)])


def _refuse(error: OSError) -> None:
    """Stop at a subfolder that cannot be listed: half an export is not one."""
    raise DataError(f"CSV_FOLDER: {error.filename} cannot be read: {error.strerror}") from error


def _state(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino
