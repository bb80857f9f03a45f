"""The export of one night: its files, what is left out, and why.

Files are read in the order of their names, whatever order the storage lists them in.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from modelsystem_shared.errors import DataError
from modelsystem_trainer.export.copies import without_copies
from modelsystem_trainer.export.files import ExportFile
from modelsystem_trainer.export.membership import LeftOut


@dataclass(frozen=True)
class Export:
    """All CSV files of one night, by name, and their location.

    left_out: what else is in the folder, each entry with the reason why it is not read.
    uncommitted: folders whose job has not committed yet.
    """

    location: str
    files: Sequence[ExportFile]
    left_out: Sequence[LeftOut] = ()
    uncommitted: Sequence[str] = ()


def of_files(
    location: str,
    csv_files: Sequence[ExportFile],
    left_out: Sequence[LeftOut] = (),
    uncommitted: Sequence[str] = (),
) -> Export:
    """Make an export of the files at `location`; of files with the same content it has the first.

    Raises:
        DataError: there are none.

    """
    if not csv_files:
        reasons = "; ".join(f"{', '.join(out.names[:3])} {out.reason}" for out in left_out)
        raise DataError(
            f"{location}: there is no *.csv or *.csv.gz file in or below this folder"
            f"{f' ({reasons})' if reasons else ''}"
        )
    kept, same = without_copies(sorted(csv_files, key=lambda file: file.name))
    return Export(location, kept, [*left_out, *same], uncommitted)
