"""The phases of a reading: the same table and the same errors from any number of workers."""

import gzip
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelsystem_shared.errors import DataError
from modelsystem_trainer import export
from modelsystem_trainer.columns import Columns
from modelsystem_trainer.engines import Workplace, on_this_machine, started
from modelsystem_trainer.ingest import Interactions
from modelsystem_trainer.reading import ReadOptions, phases, read_export, reading

Files = dict[str, str | bytes]
MakeFolder = Callable[[Files], Path]
HEADER = "user_id,item_id,weight,timestamp"
START = 1_500_000_000


def odd_export(seed: int, files: int = 5) -> Files:
    """Return files of sound and malformed rows in any order, some compressed, and a catalogue."""
    draw = random.Random(seed)
    rows = [f"u{n % 97},i{n % 31},{n % 3},{START + n * 500}" for n in range(1200)]
    rows += [f"{'ü' * 70},i\0{n},1,{START}" for n in range(3)]
    rows += [f'"u,{n}","i ""{n}""",2,{START + n}' for n in range(40)]
    rows += ["u,i,-1,0", ",i,1,1500000000", "u,i", "u1,i1,1,2099-01-01"]
    draw.shuffle(rows)
    shares = [rows[n::files] for n in range(files)]
    texts = ["\n".join([HEADER, *share]) for share in shares]
    return {
        **{f"clicks-{n}.csv": text for n, text in enumerate(texts[:-1])},
        "clicks-z.csv.gz": gzip.compress(texts[-1].encode()),
        "items.csv": "item_id,title\ni1,One\ni2,Two\n",
    }


def read(folder: Path, place: Workplace, bad_rows: int = 10) -> Interactions:
    """Read an export in a workplace."""
    options = ReadOptions(Columns(), None, bad_rows)
    return read_export(export.of_folder(folder, place), options, workplace=place)


def contents(data: Interactions) -> Any:
    """Return all that was read, but for the files."""
    table = {name: data.table[name].to_numpy().tobytes() for name in data.table}
    return data.users, data.items, table, data.titles, data.rows, data.rejects.count, data.span


@pytest.fixture
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut rows into many ranges of users."""
    monkeypatch.setattr(reading, "_ROWS_OF_RANGE", 100)


@pytest.mark.usefixtures("small_ranges")
@pytest.mark.parametrize("name", ["threads", "processes", "indexed"])
def test_engines_and_cuts_do_not_matter(make_folder: MakeFolder, tmp_path: Path, name: str) -> None:
    """One file or seven, one worker or three: the same table to the bit."""
    with on_this_machine() as place:
        expected = contents(read(make_folder(odd_export(1, files=2)), place))
    assert len(expected[0]) > 100
    with started(name, 3, tmp_path) as engine:
        data = read(make_folder(odd_export(2, files=7)), Workplace(engine, tmp_path))
    assert contents(data) == expected


BROKEN: dict[str, Files] = {
    "columns": {"a.csv": f"{HEADER}\nu,i,1,{START}\n", "b.csv": "user_id\nu\n", "c.csv": "x\n"},
    "unlike": {"a.csv": f"{HEADER}\nu,i,1,{START}\n", "b.csv": "user_id,item_id\n", "c.csv": ""},
    "rows": {
        "a.csv": "user_id,item_id\n" + "u\n" * 15,
        "b.csv": "user_id,item_id\n" + "v\n" * 15,
        "c.csv": "user_id\n",
    },
    "gzip": {
        "a.csv": "user_id,item_id\n" + "u,i\n" * 9000,
        "b.csv.gz": gzip.compress(b"user_id,item_id\nu,i\n" * 9)[:-9],
        "c.csv": "user_id\n",
    },
}
FIRST = {
    "columns": "b.csv line 1: there is no column 'item_id'",
    "unlike": "b.csv line 1: timestamp, weight must be in all files or in none, but a.csv differs",
    "rows": "20 or more malformed rows, and MAX_BAD_ROWS is 1: a.csv line 2: ",
    "gzip": "b.csv.gz after line ",
}


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("fault", BROKEN)
def test_the_error_is_that_of_the_first_file(
    make_folder: MakeFolder, fault: str, workers: int
) -> None:
    """However many files are read at once, and whichever of them fails first."""
    with on_this_machine(workers) as place, pytest.raises(DataError) as caught:
        read(make_folder(BROKEN[fault]), place, bad_rows=1)
    assert str(caught.value).startswith(FIRST[fault])


@pytest.mark.usefixtures("small_ranges")
def test_a_phase_that_is_done_again_writes_the_same_bytes(
    make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that died may have written some of its files, or all of them."""
    monkeypatch.setattr(reading._Reading, "remove", lambda *_: None)
    with on_this_machine() as place:
        read(make_folder(odd_export(3)), place)
        files = [path for path in place.folder.iterdir() if path.suffix != ".done"]
        before = {path: path.read_bytes() for path in files}
        for number in range(5):
            phases.read(place.folder, number)
            phases.number(place.folder, number)
            phases.merge(place.folder, number)
        assert {path: path.read_bytes() for path in files} == before


def test_columns_are_removed_when_no_phase_needs_them(make_folder: MakeFolder) -> None:
    """The folder never holds more than two copies of the rows, and none in the end."""
    with on_this_machine() as place:
        read(make_folder(odd_export(4)), place)
        names = {path.name for path in place.folder.glob("*-*.npy")}
    assert not names
