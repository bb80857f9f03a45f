"""From files to one table: the same for any cut and order of the export."""

import random
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelsystem_shared.errors import DataError
from modelsystem_trainer import export
from modelsystem_trainer.columns import Columns
from modelsystem_trainer.engines import workplace
from modelsystem_trainer.export import source
from modelsystem_trainer.ingest import Interactions
from modelsystem_trainer.ingest.numbers import FAULT
from modelsystem_trainer.reading import ReadOptions, read_export

Read = Callable[..., Interactions]
ids = st.sampled_from(["u", "v", "007", "7"])
numbers = st.sampled_from(["0", "0.1", "0.2", "0.7", "3", "1e12"])
times = st.sampled_from(
    ["1527033600", "2018-05-23", "1527033605", "1527033598.5", "2018-05-23T00:00:05Z"]
)
START = 1_527_033_600


def pairs(data: Interactions) -> dict[tuple[str, str], tuple[float, float]]:
    """Return weight and time by user and item."""
    columns = (data.table[name].tolist() for name in ("user", "item", "weight", "time"))
    return {
        (data.users[user], data.items[item]): (weight, time)
        for user, item, weight, time in zip(*columns, strict=True)
    }


@st.composite
def rows_twice(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """Draw rows, and the same rows in another order, cut into parts."""
    rows = draw(st.lists(st.tuples(ids, ids, numbers, times).map(",".join), min_size=1))
    shuffled = draw(st.permutations(rows))
    cuts = sorted(draw(st.lists(st.integers(0, len(rows)), max_size=3)))
    bounds = [0, *cuts, len(rows)]
    return rows, [shuffled[a:b] for a, b in pairwise(bounds)]


@pytest.mark.parametrize("kind", ["rating", "weight"])
@settings(max_examples=50)  # each reads twice, from files
@given(rows_twice())
def test_order_and_files_of_rows_do_not_matter(
    read: Read, kind: str, drawn: tuple[list[str], list[list[str]]]
) -> None:
    """Any permutation of the rows, in any split into files, gives the same table to the bit."""
    rows, parts = drawn
    header = f"user_id,item_id,{kind},timestamp"
    if kind == "weight" and all(row.split(",")[2] == "0" for row in rows):
        rows, parts = [*rows, "u,v,1,2018-05-23"], [*parts, ["u,v,1,2018-05-23"]]
    whole = read({"all.csv": "\n".join([header, *rows])})
    # Parts with the same content would be copies; a column that is not read tells them apart.
    cut = read(
        {
            f"{n}.csv": "\n".join([f"{header},part", *(f"{row},{n}" for row in part)])
            for n, part in enumerate(parts)
        }
    )
    pd.testing.assert_frame_equal(whole.table, cut.table, check_exact=True)
    assert (whole.users, whole.items, whole.rows) == (cut.users, cut.items, cut.rows)


def test_the_table_is_sorted_and_typed(read: Read) -> None:
    """One row for each pair, by user and item, in the stated types."""
    data = read({"a.csv": "user_id,item_id\nb,y\na,z\na,y\nb,y\n"})
    assert list(zip(data.table["user"], data.table["item"], strict=True)) == [
        (0, 0),
        (0, 1),
        (1, 0),
    ]
    assert [str(kind) for kind in data.table.dtypes] == ["int32", "int32", "float64", "float64"]
    assert (data.table["weight"] == [1, 1, 2]).all()
    assert data.table["time"].isna().all()
    assert (data.users, data.items, data.rows) == (["a", "b"], ["y", "z"], 4)


def test_ids_are_kept_exactly(read: Read) -> None:
    """Ids are no numbers, no missing values and no words: each text is its own id."""
    odd = ["007", "7", " 7", "7 ", "7.0", "NA", "nan", "None", "null", "é", "e\u0301", "\x00", "😀"]
    data = read({"a.csv": "user_id,item_id\n" + "".join(f"{user},{user}\n" for user in odd)})
    assert data.users == data.items == sorted(odd, key=str.encode)
    assert set(pairs(data)) == {(user, user) for user in odd}


def test_weights_are_added(read: Read) -> None:
    """The weight of a pair is the sum, its time the latest."""
    rows = "u,i,0.5,2018-05-08\nu,i,2,2018-05-09\nu,i,0,2018-05-10\nv,i,1,2018-05-23\n"
    data = read({"a.csv": "user_id,item_id,weight,timestamp\n" + rows})
    assert pairs(data) == {("u", "i"): (2.5, 1525824000.0), ("v", "i"): (1.0, START)}


def test_a_weight_of_zero_is_no_interaction(read: Read) -> None:
    """A user or item without another interaction is left out."""
    data = read({"a.csv": "user_id,item_id,weight\nu,i,1\nghost,i,0\nu,nothing,0.0\n"})
    assert (data.users, data.items, data.rows) == (["u"], ["i"], 3)


def test_the_latest_rating_counts(read: Read) -> None:
    """A low rating replaces an older, higher one; at equal times the higher one counts."""
    rows = f"u,i,5,{START}\nu,i,1,{START + 1}\nv,i,2,{START}\nv,i,4,{START}\nv,i,3,{START}\n"
    data = read({"a.csv": "user_id,item_id,rating,timestamp\n" + rows})
    assert pairs(data) == {("u", "i"): (1.0, START + 1), ("v", "i"): (4.0, START)}


def test_without_times_the_highest_rating_counts(read: Read) -> None:
    """A rating of 0 is an interaction, unlike a weight."""
    data = read({"a.csv": "user_id,item_id,rating\nu,i,3\nu,i,4\nu,i,2\nv,i,0\n"})
    assert data.table["weight"].tolist() == [4.0, 0.0]


def test_epoch_and_iso_8601_may_be_mixed(read: Read) -> None:
    """The same moments give the same table, file by file or within one."""
    header = "user_id,item_id,timestamp\n"
    epoch = read({"a.csv": header + "u,i,1527037323\nu,j,1527030123.5\n"})
    mixed = read({"a.csv": header + "u,i,2018-05-23T01:02:03Z\nu,j,1527030123.5\n"})
    iso = read({"a.csv": header + "u,i,2018-05-23 01:02:03\nu,j,2018-05-23T01:02:03.5+02:00\n"})
    pd.testing.assert_frame_equal(epoch.table, iso.table, check_exact=True)
    pd.testing.assert_frame_equal(epoch.table, mixed.table, check_exact=True)


def test_only_the_rows_of_the_tenant_count(read: Read) -> None:
    """Other tenants' rows are counted; their users, items and titles are left out."""
    files = {
        "a.csv": "user_id,item_id,tenant_id\nu,i,acme\nv,j,other\nw,i,ACME\nx,i,\n",
        "items.csv": "item_id,title,tenant_id\ni,Ours,acme\ni,Theirs,other\n",
    }
    data = read(files, tenant="acme")
    assert (data.users, data.items, data.titles) == (["u"], ["i"], {"i": "Ours"})
    assert (data.rows, data.rows_of_others) == (6, 4)
    assert read(files).users == ["u", "v", "w", "x"]


def test_a_tenant_without_rows_is_refused(read: Read) -> None:
    """The sentence names the folder, the tenant and how many rows there were."""
    with pytest.raises(DataError, match="no interactions of tenant absent in 1 rows"):
        read({"a.csv": "user_id,item_id,tenant_id\nu,i,acme\n"}, tenant="absent")


def test_data_without_tenants_is_not_filtered(read: Read) -> None:
    """Without a tenant_id column, TENANTID has no effect."""
    assert read({"a.csv": "user_id,item_id\nu,i\n"}, tenant="acme").users == ["u"]


def test_columns_can_be_mapped(read: Read) -> None:
    """The mapping holds for interactions and catalogue."""
    files = {"a.csv": f"who,what,when\nu,i,{START}\n", "items.csv": "what,name\ni,Title\n"}
    data = read(files, columns="user_id=who,item_id=what,timestamp=when,title=name")
    assert pairs(data) == {("u", "i"): (1.0, START)}
    assert data.titles == {"i": "Title"}


def test_of_several_titles_the_last_stands(read: Read) -> None:
    """The order is that of the files' names, and within a file that of its rows."""
    files = {
        "items-2.csv": "item_id,title\ni,New\n",
        "items-1.csv": 'item_id,title\ni,Old\nj,First\nj,"Second, \n line"\n',
        "b/items.csv": "item_id,title\nk,\n",
        "clicks.csv": "user_id,item_id\nu,i\n",
    }
    assert read(files).titles == {"i": "New", "j": "Second, \n line", "k": ""}


@pytest.mark.parametrize("extra", ["rating", "weight", "timestamp", "tenant_id"])
def test_optional_columns_are_in_all_files_or_in_none(read: Read, extra: str) -> None:
    """The sentence names both files and the column."""
    files = {"a.csv": "user_id,item_id\nu,i\n", "b.csv": f"user_id,item_id,{extra}\nu,i,{START}\n"}
    with pytest.raises(DataError, match=f"b.csv line 1: {extra} must .* a.csv differs"):
        read(files)


def test_rating_and_weight_together_are_refused(read: Read) -> None:
    """It would be a guess which of the two counts."""
    with pytest.raises(DataError, match=r"a.csv line 1: there is a rating and a weight"):
        read({"a.csv": "user_id,item_id,rating,weight\nu,i,1,1\n"})


def test_malformed_rows_fail_the_reading(read: Read) -> None:
    """By default one is enough; the sentence lists file, line and reason of each."""
    files = {
        "b.csv": "user_id,item_id,weight\nu,i,1\n,i,1\n",
        "a.csv": 'user_id,item_id,weight,x\nu,i,1,"\n"\nu,i,-1,\nu,i\n',
    }
    with pytest.raises(DataError) as caught:
        read(files)
    assert str(caught.value) == (
        "3 malformed rows, and MAX_BAD_ROWS is 0: "
        f"a.csv line 4: weight {FAULT}; "
        "a.csv line 5: 2 fields where the header has 4; "
        "b.csv line 3: user_id is empty"
    )


def test_malformed_rows_can_be_skipped(read: Read) -> None:
    """Up to the limit they are skipped, counted and listed, and leave no trace in the table."""
    content = "user_id,item_id,weight\nu,i,1\nghost,i,nan\nu,nothing\nu,j,1\n"
    data = read({"a.csv": content}, bad_rows=2)
    assert (data.users, data.items, data.rows) == (["u"], ["i", "j"], 2)
    assert data.rejects.count == 2
    assert b'a.csv,3,1,"weight is not' in data.rejects.to_csv()
    with pytest.raises(DataError, match="2 malformed rows, and MAX_BAD_ROWS is 1"):
        read({"a.csv": content}, bad_rows=1)


def test_malformed_rows_of_the_catalogue_count_too(read: Read) -> None:
    """The catalogue is held to the same rules."""
    with pytest.raises(DataError, match=r"items.csv line 2: item_id is empty"):
        read({"a.csv": "user_id,item_id\nu,i\n", "items.csv": "item_id,title\n,T\n"})


@pytest.mark.parametrize(
    "files",
    [
        {"a.csv": "user_id,item_id\n"},
        {"a.csv": "user_id,item_id,weight\nu,i,0\n"},
        {"items.csv": "item_id,title\ni,T\n"},
    ],
    ids=["header only", "weights of zero", "catalogue only"],
)
def test_an_export_without_interactions_is_refused(read: Read, files: dict[str, str]) -> None:
    """The sentence says so, also for a catalogue alone."""
    with pytest.raises(DataError, match="no interactions in"):
        read(files)


def test_blocks_are_put_together(read: Read) -> None:
    """A file longer than a block is read like a short one."""
    rows = [f"u{n % 100},i{n % 300}" for n in range(100_050)]
    data = read({"a.csv": "\n".join(["user_id,item_id", *rows])})
    assert (data.rows, len(data.table), data.table["weight"].sum()) == (100_050, 300, 100_050)


def test_a_file_that_changes_while_it_is_read_is_refused(read: Read) -> None:
    """The bytes that were read may not be those that were hashed."""
    night = read({"a.csv": "user_id,item_id\nu,i\n"}).export
    night.files[0].path.write_text("user_id,item_id\nv,i\nu,i\n")
    with pytest.raises(DataError, match=r"a.csv changed while it was read"):
        read_export(night, ReadOptions(Columns(), None, 0))


def _note(progress: list[tuple[str, float]], phase: str, share: float) -> None:
    progress.append((phase, share))


def test_progress_is_by_bytes(read: Read) -> None:
    """Shares grow with the files' sizes and end at 1."""
    small, big = "user_id,item_id\nu,i\n", "user_id,item_id\n" + "u,i\n" * 100
    night = read({"a.csv": small, "b.csv": big}).export
    progress: list[tuple[str, float]] = []
    read_export(night, ReadOptions(Columns(), None, 0), partial(_note, progress))
    assert list(dict.fromkeys(phase for phase, _ in progress)) == ["read", "number", "merge"]
    shares = [share for phase, share in progress if phase == "read"]
    assert shares[-1] == 1
    of_small = len(small) / (len(small) + len(big))
    assert shares == sorted(set(shares) & {of_small, 1})  # one look may see both files read


def test_progress_is_reported_within_a_file(
    monkeypatch: pytest.MonkeyPatch, make_folder: Callable[..., Path]
) -> None:
    """A large file is not one step, compressed or not, plain or not."""
    monkeypatch.setattr(source, "CHUNK", 50_000)
    monkeypatch.setattr(workplace, "POLL", 1e-4)
    # Python 3.13 reads 128 KiB of a compressed file at once: random ids make it larger than ten.
    draw = random.Random(1)
    content = "user_id,item_id\n" + "".join(
        f"{draw.randbytes(20).hex()},i\n" for _ in range(80_000)
    )
    for files in ({"a.csv": content}, {"a.csv.gz": content}, {"a.csv": content + 'u,"a ""b"""\n'}):
        progress: list[tuple[str, float]] = []
        night = export.of_folder(make_folder(files))
        read_export(night, ReadOptions(Columns(), None, 0), partial(_note, progress))
        shares = [share for phase, share in progress if phase == "read"]
        assert len(shares) > 9
        assert shares == sorted(shares)
        assert shares[-1] == 1


def test_one_row_of_the_far_future_is_not_the_newest_time(read: Read) -> None:
    """It is moved to the newest time of all others, and counted; the other rows keep theirs."""
    rows = [f"u{n % 50},i{n},{START + n * 600}" for n in range(2000)]
    header = "user_id,item_id,timestamp"
    odd = [*rows, "u1,i5,2099-01-01", "u2,i6,1990-01-01"]
    sound, data = (
        read({"a.csv": "\n".join([header, *rows])}),
        read({"a.csv": "\n".join([header, *odd])}),
    )
    assert sound.span is not None
    assert data.span is not None
    assert (sound.span.odd, data.span.odd) == (0, 2)
    assert (data.span.first_day, data.span.last_day) == (sound.span.first_day, sound.span.last_day)
    assert data.table["time"].max() == sound.table["time"].max() == START + 1999 * 600
    assert data.table["time"].min() == START


def test_a_stray_quote_costs_all_that_it_swallows(read: Read) -> None:
    """A quote before line 101 of 20,000 rows loses thousands of them: the limit counts these."""
    rows = [f"user-{n % 700:05},item-{n % 90:05},{START + n}" for n in range(20_000)]
    rows[99] = '"' + rows[99]
    content = "\n".join(["user_id,item_id,timestamp", *rows])
    with pytest.raises(DataError, match=r"^3,972 or more .* is 1: a.csv lines 101 to "):
        read({"a.csv": content}, bad_rows=1)
    data = read({"a.csv": content}, bad_rows=10_000)
    assert data.rows + data.rejects.count == 20_000


def test_each_file_is_counted(read: Read) -> None:
    """Rows, lost rows, columns, and the time from the first to the last row."""
    files = {
        "a.csv": "user_id,item_id,timestamp,country\nu,i,20180508,de\nu,j,20180510,de\n,,,\n",
        "b.csv": "user_id,item_id,timestamp\nu,i,20180511\n",
        "items.csv": "item_id,title\ni,T\n",
    }
    data = read(files, bad_rows=1)
    a, b, items = data.files
    assert (a.rows, a.rows_kept, a.first, a.last) == (2, 2, 1525737600.0, 1525910400.0)
    assert (a.layout.unused, data.rejects.of_file["a.csv"]) == (["country"], 1)
    assert dict(a.days) == {17659: 1, 17661: 1}
    assert (b.rows, items.rows, items.rows_kept, items.first) == (1, 1, 0, None)
    assert data.rows_kept == 3
