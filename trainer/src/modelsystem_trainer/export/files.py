"""A file of the export, and whether it changed while it was read.

A file's name is its path below the export's folder.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from modelsystem_shared import files
from modelsystem_shared.errors import DataError, StorageError
from modelsystem_trainer.export import membership

_FAULTS_OF_THE_EXPORT = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)


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
        return membership.is_catalogue(self.name)

    def to_json(self) -> dict[str, object]:
        """Return all of it, for a part file."""
        return asdict(self) | {"path": str(self.path)}

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> "ExportFile":
        """Return the file of `to_json`."""
        state = tuple(content["state"])
        return cls(**{**content, "path": Path(content["path"]), "state": state})

    def check_unchanged(self) -> None:
        """Refuse a file that has changed since it was hashed; a downloaded blob never changes.

        Raises:
            DataError: naming the file.

        """
        if self.etag is None and self._has_changed():
            raise DataError(f"{self.name} changed while it was read: let the ETL finish first")

    def _has_changed(self) -> bool:
        return not self.path.exists() or _state(self.path) != self.state


def describe(name: str, path: Path, etag: str | None = None) -> ExportFile:
    """Size and hash a file on the disk.

    Raises:
        DataError: it is gone, we may not read it, or its name is not UTF-8.
        StorageError: the storage fails.

    """
    try:
        name.encode()
        state = _state(path)
        return ExportFile(name, path, state[0], files.sha256(path), etag, state)
    except UnicodeEncodeError as error:
        raise DataError(f"{name}: this file's name is not UTF-8") from error
    except OSError as error:
        raise unreadable(name, error) from error


def unreadable(name: str, error: OSError) -> DataError | StorageError:
    """Return the error for what cannot be read; unless the export is at fault, a retry can help."""
    kind = DataError if isinstance(error, _FAULTS_OF_THE_EXPORT) else StorageError
    return kind(f"{name} cannot be read: {error.strerror}")


def _state(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino
