"""Where the export is: in a local folder, or downloaded from Blob Storage."""

from collections.abc import Callable

from modelsystem_trainer.engines import Workplace
from modelsystem_trainer.export.folder import of_folder
from modelsystem_trainer.export.night import Export
from modelsystem_trainer.settings import Settings


def find(settings: Settings, workplace: Workplace, on_share: Callable[[float], None]) -> Export:
    """Find the export in CSV_FOLDER, or download it into the workplace's folder.

    on_share: gets the share of the bytes that is downloaded.

    Raises:
        DataError: there is no usable export.
        AccessDeniedError, StorageError: it cannot be downloaded.

    """
    if settings.csv_folder:
        return of_folder(settings.csv_folder, workplace)
    from modelsystem_trainer.export import blobs  # noqa: PLC0415  # Azure's libraries are slow to import

    return blobs.fetch(settings, workplace, on_share)
