"""The fast reader reads what the strict one reads, or leaves it to that."""

import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelsystem_shared.errors import DataError
from modelsystem_trainer import export
from modelsystem_trainer.columns import Columns
from modelsystem_trainer.engines import on_this_machine
from modelsystem_trainer.export import source
from modelsystem_trainer.ingest import batch, fast, header, ids, strict
from modelsystem_trainer.ingest.batch import Batch, batches
from modelsystem_trainer.ingest.ids import Ids
from modelsystem_trainer.ingest.rejects import Rejects
from modelsystem_trainer.ingest.strict import Block, Lines, Table
from modelsystem_trainer.reading import ReadOptions, read_export, reading

MakeFolder = Callable[[dict[str, str | bytes]], Path]
ALL = ("user_id", "item_id", "weight", "timestamp", "tenant_id")
TEXTS = ["u", "v", "w", "007", "7", "", " u", "u ", "NA", "null", "nan", "None", "é", "\u2028"]
TEXTS += ["\ufeff", "日本語" * 20, "x" * 128, "x" * 129, "é" * 1000, "x" * 1000, "x" * 1001]
TEXTS += ["user-0000001", "user-0000002", "12345678", "123456789", "\x00", "u\x00", "\x00u"]
NUMBERS = ["0", "1", "5", "4.5", "00012", "+5", "-1", "-0", "-0.0", "1e3", "1e-3", "inf", "0x10"]
NUMBERS += [
    "99999999999",
    "100000000000",
    "18446744073709551616",
    " 1527037323",
    "5 ",
    "43228.5",
    "1e308",
    "1_0",
    "٣",
    "0.1",
]
NUMBERS += ["1527037323", "2018-05-23T01:02:03Z", "2018-05-23 01:02:03.5+02:00", "20180523", "now"]
BROKEN = ['u"v', '"', '""', '"u"', '"u,v"', '"u\nv"', '"u\r\nv"', '"u""v"', '"u"v', '"u', "u\rv"]
BROKEN += ["u\r", "\r", "\n", ",", '"\n', '\n"', '",', ',"']
ENDINGS = ["\n", "\r\n", "\n\n", "\r", "\r\r\n", "", " \n"]
BYTES = [b"\xff", b"\xed\xa0\x80", b"\xc3"]

usual_texts = st.sampled_from(["u", "v", "w", "user-0000001", "é"])
usual_weights = st.sampled_from(["0", "1", "5", "4.5", "1527037323"])
usual_times = st.sampled_from(["1527037323", "1527037324", "1527037323.5", "20180523"])


@st.composite
def rows(draw: st.DrawFn, names: list[str]) -> bytes:
    """Draw a row, usually a sound one."""
    odd = draw(st.integers(0, 5)) == 0
    of_text = st.sampled_from(TEXTS) if odd else usual_texts
    numbers = {"rating": usual_weights, "weight": usual_weights, "timestamp": usual_times}
    if odd:
        numbers = dict.fromkeys(numbers, st.sampled_from(NUMBERS))
    fields = [draw(numbers.get(name, of_text)) for name in names]
    if draw(st.integers(0, 9)) == 0:
        place = draw(st.integers(0, len(fields)))
        fields[place : place + draw(st.integers(0, 1))] = [draw(st.sampled_from(BROKEN))]
    if draw(st.integers(0, 2)) == 0:
        fields = [f'"{field}"' for field in fields]
    ending = draw(st.sampled_from(ENDINGS)) if draw(st.integers(0, 9)) == 0 else "\n"
    spoilt = draw(st.sampled_from(BYTES)) if draw(st.integers(0, 19)) == 0 else b""
    return ",".join(fields).encode() + spoilt + ending.encode()


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """Draw a file: a header of some columns, and rows."""
    weighing = draw(st.sampled_from([[], ["rating"], ["weight"]]))
    more = draw(st.lists(st.sampled_from(["timestamp", "tenant_id", "other"]), unique=True))
    names = draw(st.permutations(["user_id", "item_id", *weighing, *more]))
    header = ",".join(f'"{name}"' if draw(st.booleans()) else name for name in names)
    start = draw(st.sampled_from(["", "\ufeff"])) + header + draw(st.sampled_from(["\n", "\r\n"]))
    content = start.encode() + b"".join(draw(st.lists(rows(names), max_size=18)))
    return content.removesuffix(b"\n") if draw(st.booleans()) else content


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plain")


@pytest.fixture(scope="session")
def outcome(folder: Path) -> Callable[..., Any]:
    """Return everything that reading a file yields, or its error."""

    def make(content: bytes, tenant: str | None, bad_rows: int, threads: int = 1) -> Any:
        (folder / "a.csv").write_bytes(content)
        options = ReadOptions(Columns(), tenant, bad_rows)
        try:
            with on_this_machine(threads) as place:
                data = read_export(export.of_folder(folder), options, workplace=place)
        except DataError as error:
            return str(error)
        table = {name: data.table[name].to_numpy().tobytes() for name in data.table}
        rejected = sorted(data.rejects.listed)
        return data.users, data.items, table, data.rows, data.rows_of_others, rejected

    return make


def strictly(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fast, "ends_with_a_row", lambda _: False)


HEAD = b"user_id,item_id\n"
LONG_QUOTED = HEAD + b'a,"' + b"x" * (strict.LONGEST_LINE + 9) + b'"\nu,v\n"w","x"\n'
LONG_IN_LINES = HEAD + b'a,"' + b"x\n" * 70_000 + b'"\n"u,","\n",v\nu,v\n'
RETURN_BEFORE_QUOTE = HEAD + b'u\rv,"x\n,"\nu,v\n"w",x\n'


@given(
    tables() | tables().map(partial(gzip.compress, mtime=0)),
    st.sampled_from([None, "u", ""]),
    st.sampled_from([0, 10**9]),
    st.integers(1, 300),
)
@example(LONG_QUOTED, None, 10**9, 2 << 20)
@example(LONG_QUOTED, None, 10**9, 8 << 20)
@example(LONG_IN_LINES, None, 10**9, 140_050)
@example(RETURN_BEFORE_QUOTE, None, 10**9, 29)
def test_both_readers_give_the_same(
    outcome: Callable[..., Any], content: bytes, tenant: str | None, bad_rows: int, chunk: int
) -> None:
    """For any file, cut anywhere: the same table to the bit, or the same sentence."""
    with pytest.MonkeyPatch.context() as patch:
        strictly(patch)
        expected = outcome(content, tenant, bad_rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "CHUNK", chunk)
        patch.setattr(batch, "_SMALL", chunk // 4)
        patch.setattr(reading, "WAITING", 5)
        assert outcome(content, tenant, bad_rows, threads=2) == expected
    assert outcome(content, tenant, bad_rows) == expected


@dataclass
class Reading:
    """Batches of a file, and the lines of the rows that were read strictly."""

    batches: list[Batch]
    strict_lines: list[int]


@pytest.fixture(scope="session")
def batches_of(folder: Path) -> Callable[..., Reading]:
    """Read a file of interactions as batches."""

    def make(content: bytes, tenant: str | None = "acme", threads: int = 1) -> Reading:
        (folder / "b.csv").write_bytes(content)
        strict_lines: list[int] = []

        def recorded(table: Table, lines: Lines, names: Sequence[str]) -> Iterator[Block]:
            for block in blocks_of(table, lines, names):
                strict_lines.extend(block.lines)
                yield block
            strict_lines.extend(line for _, line, _, _ in table.rejects.listed)

        with pytest.MonkeyPatch.context() as patch:
            blocks_of = Table.blocks_of
            patch.setattr(Table, "blocks_of", recorded)
            with strict.opened(export.describe("b.csv", folder / "b.csv"), Rejects(10**9)) as table:
                layout = header.of_interactions(Columns(), "b.csv", table.header)
                return Reading(list(batches(table, layout, tenant, threads)), strict_lines)

    return make


@pytest.fixture(scope="session")
def is_plain(batches_of: Callable[..., Reading]) -> Callable[[bytes], bool]:
    """Read a file; whether the fast reader read all of it."""
    return lambda content: not batches_of(content).strict_lines


@pytest.mark.parametrize(
    "content",
    [
        "user_id,item_id\nu,i\nv,i\n",
        "user_id,item_id\nu,i\nv,i",
        '\ufeff"user_id","item_id"\r\n"u","i, or j"\r\nv,"two lines"\r\n',
        'user_id,x,item_id\nu,"two\nlines",i\n',
        "x,item_id,user_id\n,i,u\n" + "y" * 5000 + ",i,é\n",
        "user_id,item_id,weight\nu,i,1\nu,i,0.25\nu,i,1e3\nu,j, 5\n",
        "user_id,item_id,timestamp\nu,i,1527037323\nu,i,20180523\nu,j,2018-05-23T01:02:03+02:00\n",
        "user_id,item_id,tenant_id\nu,i,acme\nu,i,\n",
        "user_id,item_id\n" + "x" * 128 + ",NA\n007,null\n",
    ],
)
def test_usual_files_are_read_fast(is_plain: Callable[[bytes], bool], content: str) -> None:
    """Quotes, CRLF, BOM, other columns, ISO 8601 and decimals do not make a file slow."""
    assert is_plain(content.encode())


@pytest.mark.parametrize(
    "row",
    [
        *(b"u", b"u,i,", b",i", b"u,", b"\xff,i", b"u\0,i", b"u,i\rv,i", b"", b"\r"),
        *(b'u,"i\nj"', b'u,"i', b'u,"i"j', b'u,i"j', b'u,"i""j"', b'u,"i\rj"'),
        *(b"u," + b"x" * (fast.LONGEST_TEXT + 1), b"u,i" + b"x" * fast.LONGEST_ROW),
    ],
)
def test_rows_that_allow_two_readings_are_refused(
    is_plain: Callable[[bytes], bool], row: bytes
) -> None:
    """A chunk with a malformed row, or a sound one that is not plain, is read strictly."""
    assert not is_plain(b"user_id,item_id\nu,i\n" + row + b"\nu,j\n")


@pytest.mark.parametrize("name", ["weight", "timestamp"])
@pytest.mark.parametrize("text", ["nan", "inf", "-x", "", "100000000000000000000x", "0x10"])
def test_malformed_numbers_are_refused(
    is_plain: Callable[[bytes], bool], name: str, text: str
) -> None:
    """The strict reader names the line of a bad number."""
    assert not is_plain(f"user_id,item_id,{name}\nu,i,1527037323\nu,j,{text}\n".encode())
    assert is_plain(f"user_id,item_id,other\nu,i,1527037323\nu,j,{text}\n".encode())


@pytest.mark.parametrize("text", ["5", "43228", "1527037323000", "99999999"])
def test_times_in_another_unit_are_refused(is_plain: Callable[[bytes], bool], text: str) -> None:
    """The strict reader names the unit."""
    assert not is_plain(f"user_id,item_id,timestamp\nu,i,1527037323\nu,j,{text}\n".encode())


@pytest.mark.parametrize("odd", ["u,odd,row", "u", ",i", "\0,i"])
def test_only_rows_near_an_odd_one_are_read_strictly(
    batches_of: Callable[..., Reading], monkeypatch: pytest.MonkeyPatch, odd: str
) -> None:
    """One odd row slows down few others; the order and the numbers of lines stay."""
    monkeypatch.setattr(batch, "_SMALL", 20)
    rows = [f"u{n},i" for n in range(40)]
    rows[20] = odd
    reading = batches_of("\n".join(["user_id,item_id", *rows]).encode(), None, threads=2)
    assert set(reading.strict_lines) <= set(range(18, 27))
    read = []
    for part in reading.batches:
        users = Ids()
        part.users.add_to(users)
        distinct, numbers = users.finish()
        known = [*ids.texts(distinct.words), *distinct.odd]
        read += [known[number] for number in numbers]
    assert [user for user in read if user[:1] == "u"] == [
        row.partition(",")[0] for row in rows if row != odd
    ]
