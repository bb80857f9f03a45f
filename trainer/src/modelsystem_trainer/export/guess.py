"""What a file seems to be that is not a CSV file in UTF-8: a word for the error's sentence."""

from collections.abc import Sequence

_BEGINNINGS = {
    b"PAR1": "Parquet",
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"BZh9": "compressed by bzip2",
    b"\xfd7zXZ": "compressed by xz",
    b"Obj\x01": "Avro",
    b"{": "JSON",
    b"[": "JSON",
    b"<": "HTML or XML",
}
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def kind_of_file(beginning: bytes) -> str | None:
    """Return what a file is by its first bytes; None if they could be CSV."""
    text = beginning.removeprefix(b"\xef\xbb\xbf")
    return next((kind for mark, kind in _BEGINNINGS.items() if text.startswith(mark)), None)


def encoding(line: bytes) -> str:
    """Return the encoding that a line seems to have which is not UTF-8."""
    if line[:2] in (b"\xff\xfe", b"\xfe\xff") or line.count(0) * 4 > len(line):
        return "UTF-16"
    if any(0x80 <= byte < 0xA0 for byte in line):
        return "Windows-1252"
    return "Latin-1 or Windows-1252"


def separator(header: Sequence[str]) -> str | None:
    """Return what seems to separate the columns of a header that has one column only."""
    if len(header) != 1:
        return None
    return next((name for mark, name in _SEPARATORS.items() if mark in header[0]), None)
