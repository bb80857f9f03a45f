"""The export in a local folder."""

import os
import stat
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

from modelsystem_shared.errors import DataError
from modelsystem_trainer.engines import Workplace, faults, on_this_machine, parts
from modelsystem_trainer.export import membership
from modelsystem_trainer.export.files import ExportFile, describe, unreadable
from modelsystem_trainer.export.membership import Entry, Kind, Members
from modelsystem_trainer.export.night import Export, of_files

_LISTING, _NAME = "export.part", "describe"


def of_folder(folder: Path, workplace: Workplace | None = None) -> Export:
    """Find the export in a local folder, and hash its files.

    workplace: where they are hashed; None for this machine, one after the other.

    Raises:
        DataError: there is no such folder, or no CSV file in it, or we may not read a part of it.
        StorageError: the storage fails.

    """
    data = data_files(folder)
    with nullcontext(workplace) if workplace else on_this_machine() as place:
        listing = {"folder": str(folder), "names": list(data.names)}
        parts.write_json(place.folder / _LISTING, listing)
        numbers = range(len(data.names))
        place.run(describe_file, _NAME, numbers)
        described = [parts.read_json(faults.part(place.folder, _NAME, n)) for n in numbers]
    files = [ExportFile.of_json(content) for content in described]
    return of_files(str(folder), files, data.left_out, data.uncommitted)


def describe_file(folder: Path, number: int) -> None:
    """Hash a file of the listing: a phase."""
    listing = parts.read_json_once(folder / _LISTING)
    name = listing["names"][number]
    with faults.recorded(folder, _NAME, number):
        file = describe(name, Path(listing["folder"], name))
        parts.write_json(faults.part(folder, _NAME, number), file.to_json())


def data_files(folder: Path) -> Members:
    """Return which files below a folder are an export's data, and what is left out.

    Raises:
        DataError: there is no such folder, or we may not list a subfolder.
        StorageError: the storage fails.

    """
    if not folder.is_dir():
        raise DataError(f"CSV_FOLDER: {folder} is not a folder")
    return membership.members(_entries(folder))


def _entries(folder: Path) -> Iterator[Entry]:
    """Yield what is below a folder; a hidden folder or a link to a folder as one entry."""
    for root, names_of_folders, names in os.walk(folder, onerror=_refuse):
        below = Path(root).relative_to(folder)
        for name in list(names_of_folders):
            entry = (below / name).as_posix()
            is_link = Path(root, name).is_symlink()
            if is_link or membership.hidden_part(name):
                names_of_folders.remove(name)
                yield Entry(entry, kind=Kind.LINK if is_link else Kind.FOLDER)
        for name in names:
            yield _entry(Path(root, name), (below / name).as_posix())


def _entry(path: Path, name: str) -> Entry:
    """Return a file's entry; one that cannot be read is refused when it is described."""
    try:
        status = path.stat()
    except OSError:
        return Entry(name, size=1)
    kind = Kind.FILE if stat.S_ISREG(status.st_mode) else Kind.OTHER
    return Entry(name, status.st_size, kind)


def _refuse(error: OSError) -> None:
    """Stop at a subfolder that cannot be listed: a partial export is refused."""
    raise unreadable(f"CSV_FOLDER: {error.filename}", error) from error
