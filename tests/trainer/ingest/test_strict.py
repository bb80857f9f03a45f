"""RFC 4180, strictly, and the line of each row."""

import csv
import errno
import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_shared.errors import DataError, StorageError
from modelsystem_trainer import export
from modelsystem_trainer.ingest import strict
from modelsystem_trainer.ingest.rejects import Rejects

Rows = list[tuple[int, tuple[str, ...]]]
ENDINGS = ("\n", "\r\n")
ReadBytes = Callable[..., tuple[Rows, list[tuple[int, str]]]]


@pytest.fixture(scope="session")
def rows_of(tmp_path_factory: pytest.TempPathFactory) -> ReadBytes:
    """Read columns a and b of a file with these bytes: rows with lines, lines with reasons."""
    folder = tmp_path_factory.mktemp("csvs")

    def make(content: bytes, name: str = "x.csv") -> tuple[Rows, list[tuple[int, str]]]:
        (folder / name).write_bytes(content)
        rejects, rows = Rejects(10**9), []
        with strict.opened(export.describe(name, folder / name), rejects) as table:
            for block in table.blocks(["a", "b"]):
                rows += list(zip(block.lines, zip(*block.columns, strict=True), strict=True))
        return rows, [(line, reason) for _, line, _, reason in rejects.listed]

    return make


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2\n3,4\n",
        b"a,b\n1,2\n3,4",
        b"a,b\r\n1,2\r\n3,4\r\n",
        b"\xef\xbb\xbfa,b\n1,2\n3,4\n",
        b'\xef\xbb\xbf"a","b"\r\n"1","2"\r\n"3","4"',
        b"b,x,a\n2,,1\n4,,3\n",
    ],
    ids=["plain", "no last line break", "CRLF", "BOM", "BOM and quotes", "other columns"],
)
@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "X.CSV.GZ"])
def test_the_ways_to_write_a_table_are_equal(rows_of: ReadBytes, content: bytes, name: str) -> None:
    """BOM, line endings, quotes, order of columns and compression have no effect."""
    as_stored = gzip.compress(content) if name.lower().endswith(".gz") else content
    assert rows_of(as_stored, name) == ([(2, ("1", "2")), (3, ("3", "4"))], [])


def test_a_row_is_known_by_the_line_it_starts_at(rows_of: ReadBytes) -> None:
    """Line breaks within quotes and blank lines count as lines, but make no rows."""
    content = b'a,b\n"1,\n""x""\r\n,",2\n\n3,4\nodd\n5,6\n'
    rows, rejected = rows_of(content)
    assert rows == [(2, ('1,\n"x"\r\n,', "2")), (6, ("3", "4")), (8, ("5", "6"))]
    assert rejected == [(7, "1 fields where the header has 2")]


@given(st.lists(st.tuples(st.text(), st.text(min_size=1)), max_size=8), st.sampled_from(ENDINGS))
def test_the_output_of_a_csv_writer_is_read_back(
    rows_of: ReadBytes, written: list[tuple[str, str]], ending: str
) -> None:
    """Any text is kept exactly: blanks, quotes, separators, line breaks, NUL."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator=ending)
    writer.writerow(("a", "b"))
    starts = []
    for row in written:
        starts.append(out.getvalue().count("\n") + 1)
        writer.writerow(row)
    expected = list(zip(starts, written, strict=True))
    assert rows_of(out.getvalue().encode()) == (expected, [])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"1", "1 fields where the header has 2"),
        (b"1,2,", "3 fields where the header has 2"),
        (b"1,\xff", "is not UTF-8"),
        (b"1,\xed\xa0\x80", "is not UTF-8"),
        (b"\xff", "is not UTF-8"),
        (b'1,"2"3', "not RFC 4180: a quote within a field is not doubled"),
        (b"1,2\r3", "not RFC 4180: a carriage return stands alone"),
        (b"1," + b"2" * 200_000, "not RFC 4180: a field is longer than 131,072 characters"),
        (b"1,2" + b",3" * strict.LONGEST_LINE, "is longer than 1 MiB"),
    ],
    ids=["few", "many", "UTF-8", "surrogate", "UTF-8, few", "quote", "CR", "long field", "long"],
)
def test_a_malformed_row_is_one_row(rows_of: ReadBytes, row: bytes, reason: str) -> None:
    """It goes to the rejects with its line, and the rows around it are read."""
    rows, rejected = rows_of(b"a,b\n0,0\n" + row + b"\n5,6\n")
    assert rows == [(2, ("0", "0")), (4, ("5", "6"))]
    ((line, why),) = rejected
    assert (line, why[: len(reason)]) == (3, reason)


def test_the_rest_of_a_long_line_is_no_row(rows_of: ReadBytes) -> None:
    """The rest of a line after its first MiB is not read as a row."""
    first = b"1," + b"2" * (strict.LONGEST_LINE - 2)
    rows, rejected = rows_of(b"a,b\n" + first + b"mallory,item" + b"\n5,6\n")
    assert rows == [(3, ("5", "6"))]
    assert [line for line, _ in rejected] == [2]


def test_an_open_quote_costs_the_rows_that_it_swallows(tmp_path: Path) -> None:
    """All lines that an open quote has swallowed are lost with it, and count."""
    (tmp_path / "x.csv").write_bytes(b'a,b\n0,0\n1,"2\n3,4\n5,6\n')
    rejects = Rejects(10**9)
    with strict.opened(export.describe("x.csv", tmp_path / "x.csv"), rejects) as table:
        rows = [line for block in table.blocks(["a", "b"]) for line in block.lines]
    assert rows == [2]
    assert rejects.listed == [("x.csv", 3, 3, "not RFC 4180: a quote is not closed")]
    assert rejects.count == 3


def test_a_row_knows_how_many_lines_it_takes(tmp_path: Path) -> None:
    """A malformed value of a row over several lines costs as many."""
    (tmp_path / "x.csv").write_bytes(b'a,b\n"1\n2",3\n4,5\n')
    with strict.opened(export.describe("x.csv", tmp_path / "x.csv"), Rejects(0)) as table:
        assert [list(block.heights) for block in table.blocks(["a", "b"])] == [[2, 1]]


def test_a_read_error_names_the_file_and_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A share that goes away in the middle of a file is the storage's failure, not the data's."""
    (tmp_path / "x.csv").write_bytes(b"a,b\n1,2\n")
    file = export.describe("x.csv", tmp_path / "x.csv")

    def fails(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    def read() -> None:
        with strict.opened(file, Rejects(0)) as table:
            monkeypatch.setattr(export.Source, "_read", fails)
            list(table.blocks(["a", "b"]))

    with pytest.raises(StorageError, match=r"^x.csv cannot be read after line 1: Input/output"):
        read()


def test_a_table_of_several_blocks_is_read_whole(rows_of: ReadBytes) -> None:
    """A file may be longer than a block; lines go on from block to block."""
    count = strict.ROWS_IN_BLOCK * 2 + 1
    rows, rejected = rows_of(b"a,b\n" + b"1,2\n" * count)
    assert [line for line, _ in rows] == list(range(2, count + 2))
    assert not rejected


def test_members_of_a_gzip_are_read_one_after_the_other(rows_of: ReadBytes) -> None:
    """Compressed files put end to end are one compressed file."""
    content = gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n")
    assert rows_of(content, "x.csv.gz")[0] == [(2, ("1", "2")), (3, ("3", "4"))]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "line 1: the file is empty or lacks a header row"),
        (b"\xef\xbb\xbf", "line 1: the file is empty or lacks a header row"),
        (b"\n1,2\n", "line 1: the file is empty or lacks a header row"),
        (b"a,b,a\n", "line 1: column 'a' is there twice"),
        (b"a,b,\xff\n", "line 1: the header is not UTF-8, it seems Latin-1 or Windows-1252"),
        ("a,b\n1,2\n".encode("utf-16"), "line 1: the header is not UTF-8, it seems UTF-16"),
        ("a,b\n1,2\n".encode("utf-16-le"), "line 1: the header is not UTF-8, it seems UTF-16"),
        (b"PAR1\x15\x00,", "this is not CSV, it seems to be Parquet"),
        (b'"a,b\n', "line 1: the header is not RFC 4180: a quote is not closed"),
        (b"a,b\r1,2\r", "line 1: the header is not RFC 4180: a carriage return stands alone"),
    ],
)
def test_a_file_without_a_usable_header_is_refused(
    rows_of: ReadBytes, content: bytes, sentence: str
) -> None:
    """The sentence names the file and its first line."""
    with pytest.raises(DataError, match=f"^x.csv:? {sentence}"):
        rows_of(content)


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"a,b\n1,2\n", "after line 0"),
        (gzip.compress(b"a,b\n" + b"1,2\n" * 9)[:8], "after line 0"),
        (gzip.compress(b"a,b\n" + b"1,2\n" * 9)[:-4], "after line 10"),
        (gzip.compress(b"a,b\n" + b"1,2\n" * 9)[:-8] + bytes(8), "after line 10"),
        (gzip.compress(b"a,b\n" + b"1,2\n" * 9) + b"rubbish", "after line 10"),
    ],
    ids=["no gzip", "no header", "truncated", "checksum", "rubbish"],
)
def test_a_broken_gzip_is_refused(rows_of: ReadBytes, content: bytes, where: str) -> None:
    """The sentence names the file, and the line that could still be read."""
    with pytest.raises(DataError, match=f"^x.csv.gz {where}: broken gzip: "):
        rows_of(content, "x.csv.gz")


def test_a_file_is_left_closed(rows_of: ReadBytes, tmp_path: Path) -> None:
    """No file stays open, read or refused."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    rows_of(b"a,b\n1,2\n")
    with pytest.raises(DataError):
        rows_of(b"no gzip", "x.csv.gz")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
