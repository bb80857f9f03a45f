"""Which of a file's columns are ours, read from its header."""

from collections.abc import Sequence
from dataclasses import dataclass

from modelsystem_shared.errors import DataError
from modelsystem_trainer.columns import REQUIRED, Columns

_OPTIONAL = ("rating", "weight", "timestamp", "tenant_id")


@dataclass(frozen=True)
class Layout:
    """Our names of a file's columns with the file's own; other columns are ignored."""

    file: str
    theirs: dict[str, str]

    def check_alike(self, other: "Layout") -> None:
        """Refuse files of which only some have a column.

        Raises:
            DataError: naming the files and the columns.

        """
        if odd := set(self.theirs) ^ set(other.theirs):
            raise DataError(
                f"{other.file} line 1: {', '.join(sorted(odd))} must be in all files or in none, "
                f"but {self.file} differs"
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
        DataError: user_id or item_id is missing, or rating and weight are both there.

    """
    mapped = [ours for ours in _OPTIONAL if ours in columns.names]
    layout = _layout(columns, file, header, [*REQUIRED, *mapped], _OPTIONAL)
    if {"rating", "weight"} <= set(layout.theirs):
        raise DataError(f"{file} line 1: there is both a rating and a weight; rename one of them")
    return layout


def _layout(
    columns: Columns,
    file: str,
    header: Sequence[str],
    required: Sequence[str],
    optional: Sequence[str],
) -> Layout:
    for ours in required:
        if (name := columns.theirs(ours)) not in header:
            so_called = f" (CSV_COLUMNS calls {ours} so)" if name != ours else ""
            raise DataError(
                f"{file} line 1: there is no column {name!r}{so_called}; "
                f"the header has {', '.join(header)[:300]}"
            )
    claimed = columns.names.values()  # such a column is what it is mapped to, and nothing else
    free = [ours for ours in optional if ours in columns.names or ours not in claimed]
    present = [ours for ours in [*required, *free] if columns.theirs(ours) in header]
    return Layout(file, {ours: columns.theirs(ours) for ours in present})
