"""Bytes of a file, by lines and by chunks."""

import gzip
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_trainer import export
from modelsystem_trainer.export import source
from modelsystem_trainer.export.source import Source

pieces = st.sampled_from([b"", b"a", b"bcd", b"\n", b"efghijkl\n", b"\n\n"])


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("source") / "x.csv"


def opened_source(path: Path) -> "closing[Source]":
    return closing(Source(export.describe("x.csv", path)))


@given(
    st.lists(pieces).map(b"".join),
    st.booleans(),
    st.integers(1, 12),
    st.lists(st.sampled_from(["line", "chunk", "put back"])),
)
def test_nothing_is_lost_in_any_way_of_reading(
    path: Path, content: bytes, zipped: bool, chunk: int, ways: list[str]
) -> None:
    """Lines and chunks follow each other; a chunk that is put back is read again."""
    path.write_bytes(gzip.compress(content) if zipped else content)
    read = []
    with pytest.MonkeyPatch.context() as patch, opened_source(path) as opened:
        patch.setattr(source, "CHUNK", chunk)
        for way in ways:
            content_read = opened.readline(5) if way == "line" else opened.chunk()
            if way == "put back":
                opened.put_back(content_read)
                assert opened.has_rest or not content_read
            else:
                read.append(content_read)
                is_partial = opened.at_end or b"\n" not in content_read
                assert content_read.endswith(b"\n") or is_partial
        read += iter(lambda: opened.readline(5), b"")
        assert opened.bytes_read == path.stat().st_size
    assert b"".join(read) == content


def test_a_broken_gzip_yields_its_whole_lines(path: Path) -> None:
    """Whole lines first, then the error."""
    path.write_bytes(gzip.compress(b"a\nb\nc")[:-4])
    with opened_source(path) as opened:
        assert opened.chunk() == b"a\nb\n"
        assert opened.chunk() == b""
        with pytest.raises(EOFError):
            opened.check()
        with pytest.raises(EOFError):
            opened.readline(9)
