"""The same contents are the same bytes."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_release.artefact import archive
from modelsystem_shared.errors import UsageError

NAMES = st.from_regex(r"[a-z]{1,8}(/[a-z.]{1,8}[a-z])?", fullmatch=True)


@given(st.dictionaries(NAMES, st.binary(max_size=200_000), min_size=1, max_size=4))
def test_an_archive_is_read_as_it_was_packed(contents: dict[str, bytes]) -> None:
    """Also by Python's gzip and tar; sorted, and without time, user and mode."""
    packed = archive.pack("chart", contents)
    assert packed == archive.pack("chart", dict(reversed(contents.items())))
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed))) as tar:
        members = tar.getmembers()
        assert [member.name for member in members] == [f"chart/{name}" for name in sorted(contents)]
        assert {(m.mtime, m.uid, m.gid, m.mode, m.uname) for m in members} == {(0, 0, 0, 0o644, "")}
        for member in members:
            reader = tar.extractfile(member)
            assert reader
            assert reader.read() == contents[member.name.removeprefix("chart/")]


def test_a_folder_is_read_whole(tmp_path: Path) -> None:
    """At any depth, without files of other tools."""
    for name in ("Chart.yaml", "templates/a.yaml", "templates/__pycache__/x.pyc", ".helmignore"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    assert archive.of_folder(tmp_path) == {
        ".helmignore": b".helmignore",
        "Chart.yaml": b"Chart.yaml",
        "templates/a.yaml": b"templates/a.yaml",
    }


def test_a_link_is_refused(tmp_path: Path) -> None:
    """Its target may be outside of the folder."""
    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(UsageError, match="only plain files"):
        archive.of_folder(tmp_path)


def test_another_file_is_refused(tmp_path: Path) -> None:
    """One sentence, with the file's name."""
    path = tmp_path / "152.tar.gz"
    for content in (b"", b"text", archive.pack("c", {"a": b"b"})[:-9], gzip.compress(b"x" * 600)):
        path.write_bytes(content)
        with pytest.raises(UsageError, match=r"152\.tar\.gz: "):
            archive.unpack(path)
    with pytest.raises(UsageError, match="No such file"):
        archive.unpack(tmp_path / "none")
