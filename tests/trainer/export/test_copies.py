"""Files with the same content are read once."""

import gzip
from collections.abc import Callable
from pathlib import Path

from modelsystem_trainer import export
from modelsystem_trainer.export import Export

MakeFolder = Callable[[dict[str, str | bytes]], Path]
CONTENT = b"user_id,item_id\nu,i\nv,j\n"


def names(night: Export) -> tuple[list[str], dict[str, str]]:
    """Return the files that are read, and the copies with the reason."""
    copies = {name: out.reason for out in night.left_out for name in out.names}
    return [file.name for file in night.files], copies


def test_a_copy_is_left_out_and_said(make_folder: MakeFolder) -> None:
    """The first by name is read; compressed or not, by whichever program, is the same."""
    folder = make_folder(
        {
            "a.csv": CONTENT,
            "b.csv": CONTENT,
            "c.csv.gz": gzip.compress(CONTENT, 1, mtime=1),
            "d.csv.gz": gzip.compress(CONTENT, 9, mtime=2),
            "e.csv": CONTENT[::-1],
        }
    )
    same = "has the same content as a.csv"
    assert names(export.of_folder(folder)) == (
        ["a.csv", "e.csv"],
        {"b.csv": same, "c.csv.gz": same, "d.csv.gz": same},
    )


def test_files_without_rows_are_no_copies(make_folder: MakeFolder) -> None:
    """Spark writes a file with a header for each empty partition."""
    header = b"user_id,item_id\n"
    folder = make_folder({"a.csv": header, "b.csv": header, "c.csv": CONTENT})
    assert names(export.of_folder(folder)) == (["a.csv", "b.csv", "c.csv"], {})


def test_a_broken_gzip_is_kept(make_folder: MakeFolder) -> None:
    """Reading it will name it and say what is wrong."""
    whole = gzip.compress(CONTENT, mtime=0)
    broken = whole[:12] + b"\xff" + whole[13:]
    folder = make_folder({"a.csv": CONTENT, "b.csv.gz": broken, "c.csv.gz": b"\x1f\x8b"})
    assert names(export.of_folder(folder)) == (["a.csv", "b.csv.gz", "c.csv.gz"], {})
