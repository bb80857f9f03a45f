"""Which entries of an export's folder are its data: one definition for every storage.

Data are the files `*.csv` and `*.csv.gz` at any depth, in any case of letters. A part of a path
that begins with `_` or `.` is a tool's own: `_temporary/`, `_SUCCESS`, `_delta_log/`,
`.ipynb_checkpoints/`. A folder may be named like a file: Spark writes
`interactions.csv/part-00000.csv`, and then the folder's name says what its files hold.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath

HIDDEN = "begins with _ or ."
OTHER_FORMAT = "is not *.csv or *.csv.gz"
FOLDER_MARKER = "is an empty object that stands for a folder"
EMPTY_PART = "is an empty part of a folder that is named like a file"
LINKED = "is a link to a folder"
SPECIAL = "is neither a file nor a folder"
_ENDINGS = (".csv", ".csv.gz")


class Kind(Enum):
    """What a storage says of an entry."""

    FILE = "file"
    FOLDER = "folder"
    MARKER = "object that stands for a folder"
    LINK = "link to a folder"
    OTHER = "other"


@dataclass(frozen=True)
class Entry:
    """An entry of the export's folder: its path below the folder, and its size in bytes."""

    name: str
    size: int = 0
    kind: Kind = Kind.FILE


@dataclass(frozen=True)
class LeftOut:
    """Entries that are not read, by name, and the reason."""

    reason: str
    names: Sequence[str]


@dataclass(frozen=True)
class Members:
    """The data of a folder, and what is left out.

    uncommitted: folders in which a job has begun to write, and has not committed.
    """

    names: Sequence[str]
    left_out: Sequence[LeftOut]
    uncommitted: Sequence[str]


def members(entries: Iterable[Entry]) -> Members:
    """Return which entries are data; the result does not depend on their order."""
    listed = {entry.name.rstrip("/"): entry for entry in entries if entry.name.rstrip("/")}
    folders = {str(parent) for name in listed for parent in PurePosixPath(name).parents}
    names, reasons = [], defaultdict(set)
    for name, entry in listed.items():
        if hidden := hidden_part(name):
            reasons[HIDDEN].add(hidden)
        elif reason := _reason(entry, name, folders):
            reasons[reason].add(name)
        else:
            names.append(name)
    left_out = [LeftOut(reason, sorted(found)) for reason, found in sorted(reasons.items())]
    return Members(sorted(names), left_out, _uncommitted(reasons[HIDDEN]))


def hidden_part(name: str) -> str | None:
    """Return a path up to its first part that begins with `_` or `.`; None if there is none."""
    parts = PurePosixPath(name).parts
    place = next((n for n, part in enumerate(parts) if part.startswith(("_", "."))), None)
    return None if place is None else "/".join(parts[: place + 1])


def is_csv(name: str) -> bool:
    """Return whether a name ends like that of a CSV file."""
    return name.lower().endswith(_ENDINGS)


def is_catalogue(name: str) -> bool:
    """Return whether a file lists items: it, or the folder that is named like a file, is `items*`.

    name: the file's path below the export's folder.
    """
    parts = PurePosixPath(name).parts
    return next(filter(is_csv, parts), parts[-1]).lower().startswith("items")


def _reason(entry: Entry, name: str, folders: set[str]) -> str | None:
    """Return why an entry that is not hidden is left out; None if it is data."""
    is_empty_folder = not entry.size and (entry.name.endswith("/") or name in folders)
    path = PurePosixPath(name)
    reasons = {
        LINKED: entry.kind is Kind.LINK,
        SPECIAL: entry.kind is Kind.OTHER,
        FOLDER_MARKER: entry.kind is Kind.MARKER or is_empty_folder,
        OTHER_FORMAT: not is_csv(path.name),
        EMPTY_PART: not entry.size and any(map(is_csv, path.parts[:-1])),
    }
    return next((reason for reason, applies in reasons.items() if applies), None)


def _uncommitted(hidden: Iterable[str]) -> list[str]:
    """Return the folders whose marks say that a job of Spark, Hadoop or Databricks goes on.

    Such a job writes below `_temporary/` or after `_started_<id>`, and when it commits it removes
    the first, and adds `_committed_<id>` or `_SUCCESS`.
    """
    marks: defaultdict[str, set[str]] = defaultdict(set)
    for name in hidden:
        path = PurePosixPath(name)
        marks[str(path.parent)].add(path.name)
    return sorted(_open_folders(marks))


def _open_folders(marks: Mapping[str, set[str]]) -> Iterator[str]:
    for folder, names in marks.items():
        started, committed = (
            {name.removeprefix(prefix) for name in names if name.startswith(prefix)}
            for prefix in ("_started_", "_committed_")
        )
        if ("_temporary" in names or started - committed) and "_SUCCESS" not in names:
            yield "the export's folder" if folder == "." else folder
