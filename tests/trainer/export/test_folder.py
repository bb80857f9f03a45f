"""The files of a local export, and changes while they are read."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_shared import files
from modelsystem_shared.errors import DataError
from modelsystem_trainer import export

MakeFolder = Callable[[dict[str, str | bytes]], Path]
NAMES = ["b.csv", "a.csv", "sub/a.csv", "sub.csv", "A.CSV", "z.csv.gz", "é.csv", "10.csv", "9.csv"]


def test_files_are_found_below_the_folder(make_folder: MakeFolder) -> None:
    """Each has its path below the folder, size and SHA-256."""
    folder = make_folder({"2018/clicks.csv": "a,b\n", "items.csv.gz": b"zipped"})
    night = export.of_folder(folder)
    assert night.location == str(folder)
    assert [(file.name, file.size, file.etag) for file in night.files] == [
        ("2018/clicks.csv", 4, None),
        ("items.csv.gz", 6, None),
    ]
    assert night.files[0].sha256 == files.sha256(folder / "2018" / "clicks.csv")


@given(st.permutations(NAMES))
def test_the_order_is_that_of_the_names(make_folder: MakeFolder, names: list[str]) -> None:
    """Files are read by name, in whatever order a storage lists them."""
    folder = make_folder({"a.csv": ""})
    listed = [export.describe(name, folder / "a.csv") for name in names]
    assert [file.name for file in export.of_files("here", listed).files] == sorted(NAMES)


def test_a_folder_without_csv_files_is_refused(make_folder: MakeFolder) -> None:
    """The sentence names the folder."""
    folder = make_folder({"a.txt": "", ".b.csv": ""})
    with pytest.raises(DataError, match=f"^{folder}: there is no "):
        export.of_folder(folder)


def test_a_path_that_is_not_a_folder_is_refused(make_folder: MakeFolder) -> None:
    """Absent, or a file: the sentence names the variable and the path."""
    folder = make_folder({"a.csv": ""})
    for path in (folder / "absent", folder / "a.csv"):
        with pytest.raises(DataError, match=f"^CSV_FOLDER: {path} is not a folder"):
            export.of_folder(path)


def test_a_file_name_that_is_not_utf_8_is_refused(make_folder: MakeFolder) -> None:
    """The manifest could not name it; the sentence shows its bytes."""
    folder = make_folder({"a.csv": ""})
    (folder / os.fsdecode(b"clicks-\xff.csv")).write_text("")
    with pytest.raises(DataError) as caught:
        export.of_folder(folder)
    assert str(caught.value).startswith(r"clicks-\udcff.csv: ")


def test_a_link_to_nothing_is_refused(make_folder: MakeFolder) -> None:
    """A file that is listed and cannot be read is an error."""
    folder = make_folder({"a.csv": ""})
    (folder / "b.csv").symlink_to(folder / "gone")
    with pytest.raises(DataError, match=r"^b.csv cannot be read: No such file"):
        export.of_folder(folder)


def append(path: Path) -> None:
    with path.open("a") as file:
        file.write("v,j\n")


def rewrite(path: Path) -> None:
    before = path.stat()
    path.write_text("x" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))


def replace(path: Path) -> None:
    before = path.stat()
    path.rename(path.with_name("old"))
    path.write_text("x" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("change", [append, rewrite, replace, Path.unlink])
def test_a_changed_file_is_refused(make_folder: MakeFolder, change: Callable[[Path], None]) -> None:
    """Longer, written again, replaced or gone: its digest no longer holds."""
    folder = make_folder({"a.csv": "u,i\n"})
    (file,) = export.of_folder(folder).files
    file.check_unchanged()
    change(file.path)
    with pytest.raises(DataError, match=r"^a.csv changed while it was read"):
        file.check_unchanged()


def test_a_linked_folder_is_left_out_and_said(make_folder: MakeFolder) -> None:
    """A link could lead anywhere; it is not silently skipped, as a walk would do."""
    folder = make_folder({"a.csv": "u,i\nv,j\n"})
    (folder / "yesterday").symlink_to(make_folder({"b.csv": "u,i\n"}))
    (folder / "c.csv").symlink_to(folder / "a.csv")
    night = export.of_folder(folder)
    assert [file.name for file in night.files] == ["a.csv"]
    assert {out.reason: list(out.names) for out in night.left_out} == {
        export.LINKED: ["yesterday"],
        "has the same content as a.csv": ["c.csv"],
    }


def test_the_folders_of_a_kubernetes_volume_are_read_by_their_files(
    make_folder: MakeFolder,
) -> None:
    """A mounted ConfigMap has its files in `..data`, and links to them beside it."""
    folder = make_folder({"..2018/a.csv": "u,i\n"})
    (folder / "..data").symlink_to("..2018")
    (folder / "a.csv").symlink_to("..data/a.csv")
    night = export.of_folder(folder)
    assert [file.name for file in night.files] == ["a.csv"]
    assert [out.reason for out in night.left_out] == [export.HIDDEN]


def test_a_pipe_is_left_out(make_folder: MakeFolder) -> None:
    """To open it would wait for a writer, for ever."""
    folder = make_folder({"a.csv": "u,i\n"})
    os.mkfifo(folder / "b.csv")
    night = export.of_folder(folder)
    assert [file.name for file in night.files] == ["a.csv"]
    assert [(out.reason, list(out.names)) for out in night.left_out] == [
        (export.SPECIAL, ["b.csv"])
    ]


def test_what_is_left_out_explains_an_empty_export(make_folder: MakeFolder) -> None:
    """The sentence names entries that were there, and why they are not data."""
    folder = make_folder({"_temporary/0/a.csv": "u,i\n", "a.parquet": "PAR1"})
    with pytest.raises(
        DataError, match=r"\(_temporary begins with _ or .; a.parquet is not \*.csv"
    ):
        export.of_folder(folder)
