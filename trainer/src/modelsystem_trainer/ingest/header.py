"""The columns of a file that are read, from its header."""

from collections.abc import Sequence
from dataclasses import dataclass

from modelsystem_shared.errors import DataError
from modelsystem_trainer.columns import REQUIRED, Columns

_OPTIONAL = ("rating", "weight", "timestamp", "tenant_id")


@dataclass(frozen=True)
class Layout:
    """The columns of a file that are read: our name to the file's own name."""

    file: str
    theirs: dict[str, str]

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
    for ours in required:
        if (name := columns.theirs(ours)) not in header:
            mapping = f" (CSV_COLUMNS maps {ours} to it)" if name != ours else ""
            raise DataError(
                f"{file} line 1: there is no column {name!r}{mapping}; the header has "
                f"{', '.join(header)[:300]}; set CSV_COLUMNS if it has another name"
            )
    mapped = columns.names.values()  # a mapped column has no other meaning
    candidates = [ours for ours in optional if ours in columns.names or ours not in mapped]
    present = [ours for ours in [*required, *candidates] if columns.theirs(ours) in header]
    return Layout(file, {ours: columns.theirs(ours) for ours in present})
