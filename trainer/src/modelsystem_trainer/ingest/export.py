"""The ETL's export: its files, and whether one changed while it was read.

A file's name is its path below the export's folder. Files are read in the order of their names,
whatever order the storage lists them in.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from modelsystem_shared import files
from modelsystem_shared.errors import DataError


@dataclass(frozen=True)
class ExportFile:
    """One CSV file: its name in the export, the path of its bytes, and their size and digest."""

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
        """Refuse a file that has changed since it was hashed.

        Raises:
            DataError: naming the file.

        """
        if not self.path.exists() or _state(self.path) != self.state:
            raise DataError(f"{self.name} changed while it was read: let the ETL finish first")


@dataclass(frozen=True)
class Export:
    """All CSV files of one night, by name, and their location."""

    location: str
    files: Sequence[ExportFile]


def is_csv(name: str) -> bool:
    """Whether a file of this name belongs to an export; hidden ones do not."""
    path = PurePosixPath(name)
    is_hidden = any(part.startswith(".") for part in path.parts)
    return not is_hidden and path.name.lower().endswith((".csv", ".csv.gz"))


def of_files(location: str, csv_files: Sequence[ExportFile]) -> Export:
    """Make an export of the files at `location`.

    Raises:
        DataError: there are none.

    """
    if not csv_files:
        raise DataError(f"{location}: there is no *.csv or *.csv.gz file in or below this folder")
    return Export(location, sorted(csv_files, key=lambda file: file.name))


def describe(name: str, path: Path, etag: str | None = None) -> ExportFile:
    """Size and hash a file on the disk.

    Raises:
        DataError: it cannot be read, or its name is not UTF-8.

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
    paths = [
        Path(root, name) for root, _, names in os.walk(folder, onerror=_refuse) for name in names
    ]
    names = [path.relative_to(folder).as_posix() for path in paths]
    return of_files(str(folder), [describe(name, folder / name) for name in names if is_csv(name)])


def _refuse(error: OSError) -> None:
    """Stop at a subfolder that cannot be listed: a partial export is refused."""
    raise DataError(f"CSV_FOLDER: {error.filename} cannot be read: {error.strerror}") from error


def _state(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino
