"""What a file seems to be that is not CSV in UTF-8."""

import pytest

from modelsystem_trainer import export


@pytest.mark.parametrize(
    ("beginning", "kind"),
    [
        (b"PAR1\x15\x04", "Parquet"),
        (b"PK\x03\x04\x14", "a zip archive or an Excel workbook"),
        (b'{"user_id": 1}', "JSON"),
        (b"\xef\xbb\xbf<!DOCTYPE html>", "HTML or XML"),
        (b"user_id,item_id", None),
        (b"\xef\xbb\xbfuser_id", None),
        (b"", None),
    ],
)
def test_other_kinds_of_files_are_known_by_their_first_bytes(
    beginning: bytes, kind: str | None
) -> None:
    """A name that ends with .csv does not make a file CSV."""
    assert export.kind_of_file(beginning) == kind


@pytest.mark.parametrize(
    ("text", "written_as", "seems"),
    [
        ("user,jürgen", "utf-16", "UTF-16"),
        ("user,jürgen", "utf-16-be", "UTF-16"),
        ("10 €", "cp1252", "Windows-1252"),
        ("jürgen", "latin-1", "Latin-1 or Windows-1252"),
    ],
)
def test_other_encodings_are_named(text: str, written_as: str, seems: str) -> None:
    """The sentence says what the exporting tool is set to."""
    assert export.encoding(text.encode(written_as)) == seems


@pytest.mark.parametrize(
    ("header", "seems"),
    [
        (["user_id;item_id"], "semicolons"),
        (["user_id\titem_id"], "tabs"),
        (["user_id|item_id"], "vertical bars"),
        (["user_id"], None),
        (["a;b", "c"], None),
    ],
)
def test_other_separators_are_named(header: list[str], seems: str | None) -> None:
    """A header of one column that holds another separator."""
    assert export.separator(header) == seems
