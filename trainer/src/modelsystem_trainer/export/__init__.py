"""The export: which files of last night's folder are its data, where their bytes are, and how.

`find` looks into the local folder or Blob Storage. `membership` is the one definition of what
belongs to an export; the rest of the folder is left out with a reason.
"""

from modelsystem_trainer.export.copies import COPY, without_copies
from modelsystem_trainer.export.files import ExportFile, describe
from modelsystem_trainer.export.finding import find
from modelsystem_trainer.export.folder import data_files, of_folder
from modelsystem_trainer.export.guess import encoding, kind_of_file, separator
from modelsystem_trainer.export.membership import (
    EMPTY_PART,
    FOLDER_MARKER,
    HIDDEN,
    LINKED,
    OTHER_FORMAT,
    SPECIAL,
    LeftOut,
    is_catalogue,
)
from modelsystem_trainer.export.night import Export, of_files
from modelsystem_trainer.export.source import BROKEN, Piece, Readable, Source, fault

__all__ = [
    "BROKEN",
    "COPY",
    "EMPTY_PART",
    "FOLDER_MARKER",
    "HIDDEN",
    "LINKED",
    "OTHER_FORMAT",
    "SPECIAL",
    "Export",
    "ExportFile",
    "LeftOut",
    "Piece",
    "Readable",
    "Source",
    "data_files",
    "describe",
    "encoding",
    "fault",
    "find",
    "is_catalogue",
    "kind_of_file",
    "of_files",
    "of_folder",
    "separator",
    "without_copies",
]
