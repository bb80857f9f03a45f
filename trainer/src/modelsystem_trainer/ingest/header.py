"""The columns of a file that are read, from its header.

A column is ours if it has our name, or the name that CSV_COLUMNS maps ours to; else if it is the
only one whose name differs in case, blanks and punctuation only: `User ID` and `userId` are
`user_id`. A column that is not read is recorded, and whether it resembles one that is missing.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modelsystem_shared.errors import DataError
from modelsystem_trainer import export
from modelsystem_trainer.columns import REQUIRED, Columns

_OPTIONAL = ("rating", "weight", "timestamp", "tenant_id")
_OTHER_WORDS = {  # by which exports call these columns, in normal form
    "timestamp": ("time", "date", "datetime", "ts", "unixtime", "eventtime", "createdat"),
    "rating": ("score", "stars"),
    "weight": ("strength",),
    "tenant_id": ("tenant",),
}
_ALIKE = 0.8  # difflib's ratio: timestmp, ratings


@dataclass(frozen=True)
class Layout:
    """The columns of a file.

    theirs: those that are read, our name to the file's own name.
    unused: the file's names of all others.
    resembling: those of them that resemble a column of ours that is missing, by our name.
    """

    file: str
    theirs: dict[str, str]
    unused: Sequence[str]
    resembling: Mapping[str, str]

    @property
    def names(self) -> list[str]:
        """The file's own names, in the order of ours."""
        return list(self.theirs.values())

    def check_alike(self, other: "Layout") -> None:
        """Refuse files if only one of them has a column.

        Raises:
            DataError: naming the files and the columns.

        """
        if differing := set(self.theirs) ^ set(other.theirs):
            raise DataError(
                f"{other.file} line 1: {', '.join(sorted(differing))} must be in all files or in "
                f"none, but {self.file} differs"
            )


def of_catalogue(columns: Columns, file: str, header: Sequence[str]) -> Layout:
    """Read the header of a catalogue.

    Raises:
        DataError: item_id or title is missing.

    """
    return _layout(columns, file, header, ["item_id", "title"], ["tenant_id"])


def of_interactions(columns: Columns, file: str, header: Sequence[str]) -> Layout:
    """Read the header of a file of interactions.

    Raises:
        DataError: user_id or item_id is missing, or there is a rating and a weight.

    """
    mapped = [ours for ours in _OPTIONAL if ours in columns.names]
    layout = _layout(columns, file, header, [*REQUIRED, *mapped], _OPTIONAL)
    if {"rating", "weight"} <= set(layout.theirs):
        raise DataError(f"{file} line 1: there is a rating and a weight; rename one of them")
    return layout


def _layout(
    columns: Columns,
    file: str,
    header: Sequence[str],
    required: Sequence[str],
    optional: Sequence[str],
) -> Layout:
    mapped = {_normal(name) for name in columns.names.values()}  # they have no other meaning
    candidates = [ours for ours in optional if ours in columns.names or _normal(ours) not in mapped]
    theirs: dict[str, str] = {}
    for ours in dict.fromkeys([*required, *candidates]):
        name = _place(columns, file, header, ours, set(theirs.values()))
        if name is not None:
            theirs[ours] = name
        elif ours in required:
            raise _missing(columns, file, header, ours)
    unused = [name for name in header if name not in theirs.values()]
    missing = [ours for ours in candidates if ours not in theirs]
    if {"rating", "weight"} & set(theirs):
        missing = [ours for ours in missing if ours not in ("rating", "weight")]
    return Layout(file, theirs, unused, _resembling(unused, missing))


def _place(
    columns: Columns, file: str, header: Sequence[str], ours: str, taken: set[str]
) -> str | None:
    """Return the file's name of one of our columns; None if it has no such column.

    Raises:
        DataError: several columns could be it.

    """
    name = columns.theirs(ours)
    if name in header:
        return name
    exact = {columns.theirs(known) for known in (*REQUIRED, *_OPTIONAL)} | taken
    alike = [other for other in header if _normal(other) == _normal(name) and other not in exact]
    if len(alike) > 1:
        raise DataError(
            f"{file} line 1: the columns {', '.join(map(repr, alike))} could all be {ours}; say "
            f"which one is, such as CSV_COLUMNS={ours}={alike[0]}"
        )
    return alike[0] if alike else None


def _missing(columns: Columns, file: str, header: Sequence[str], ours: str) -> DataError:
    name = columns.theirs(ours)
    mapping = f" (CSV_COLUMNS maps {ours} to it)" if name != ours else ""
    has = f"the header has {', '.join(header)[:300]}"
    if marks := export.separator(header):
        return DataError(f"{file} line 1: {marks} separate the columns, but must be commas; {has}")
    return DataError(
        f"{file} line 1: there is no column {name!r}{mapping}; {has}; set CSV_COLUMNS if it has "
        "another name"
    )


def _resembling(unused: Sequence[str], missing: Sequence[str]) -> dict[str, str]:
    """Return which unused columns resemble a column of ours that is missing, by our name."""
    names = {_normal(name): name for name in reversed(unused)}
    found: dict[str, str] = {}
    for ours in missing:
        words = [word for word in _OTHER_WORDS.get(ours, ()) if word in names]
        words += difflib.get_close_matches(_normal(ours), names, 1, _ALIKE)
        if words:
            found[ours] = names[words[0]]
    return found


def _normal(name: str) -> str:
    """Return a name's letters and digits, in lower case."""
    return "".join(filter(str.isalnum, name.casefold()))
