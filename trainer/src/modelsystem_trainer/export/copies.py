"""Files with the same content: a copy would count every row twice, so it is left out.

Contents are compared as they are read, uncompressed: `a.csv` and `a.csv.gz` can be the same.
"""

import gzip
import hashlib
from collections import defaultdict
from collections.abc import Sequence

from modelsystem_trainer.export.files import ExportFile
from modelsystem_trainer.export.membership import LeftOut
from modelsystem_trainer.export.source import BROKEN, is_gzip

COPY = "has the same content as "
_AT_ONCE = 1 << 20
_MODULUS = 1 << 32  # a gzip's trailer has the size of its content modulo this


def without_copies(
    files: Sequence[ExportFile],
) -> tuple[list[ExportFile], list[LeftOut]]:
    """Return the files without copies of earlier ones, and the copies, each with its original.

    Files without rows are no copies of each other: Spark writes some in every night.
    """
    kept: list[ExportFile] = []
    left_out: list[LeftOut] = []
    originals: dict[str, ExportFile] = {}
    same_size = _by_content_size(files)
    for file in files:
        content = _digest(file) if same_size[_content_size(file)] > 1 else file.sha256
        original = originals.setdefault(content, file)
        if original is not file and _has_rows(file):
            left_out.append(LeftOut(COPY + original.name, [file.name]))
        else:
            kept.append(file)
    return kept, left_out


def _by_content_size(files: Sequence[ExportFile]) -> dict[int, int]:
    """Return the number of files by the size of their content, modulo 2^32."""
    counts: defaultdict[int, int] = defaultdict(int)
    for file in files:
        counts[_content_size(file)] += 1
    return counts


def _content_size(file: ExportFile) -> int:
    if file.size < 18 or not is_gzip(file.name, file.path):
        return file.size % _MODULUS
    with file.path.open("rb") as stored:
        stored.seek(-4, 2)
        return int.from_bytes(stored.read(4), "little")


def _digest(file: ExportFile) -> str:
    """Return the SHA-256 of a file's content; of a broken gzip, that of its bytes."""
    if not is_gzip(file.name, file.path):
        return file.sha256
    digest = hashlib.sha256()
    try:
        with gzip.open(file.path) as content:
            while part := content.read(_AT_ONCE):
                digest.update(part)
    except BROKEN:
        return file.sha256
    return digest.hexdigest()


def _has_rows(file: ExportFile) -> bool:
    """Return whether there is a line after the header; of a broken file, whether it has bytes."""
    try:
        opener = gzip.open if is_gzip(file.name, file.path) else open
        with opener(file.path, "rb") as content:
            content.readline(_AT_ONCE)
            return bool(content.readline(_AT_ONCE).strip())
    except BROKEN:
        return file.size > 0
