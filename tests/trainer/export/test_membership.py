"""Which entries of a folder are data: what Spark, Databricks, Synapse and people leave there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_trainer.export import membership
from modelsystem_trainer.export.membership import Entry, Kind, Members


def members(*names: str) -> Members:
    return membership.members(Entry(name, size=9) for name in names)


@pytest.mark.parametrize(
    ("name", "is_data"),
    [
        ("a.csv", True),
        ("A.Csv.GZ", True),
        ("x/y.z/a.csv", True),
        ("interactions.csv/part-00000.csv", True),
        ("interactions.csv/part-00000-1f0c-c000.csv.gz", True),
        (".a.csv", False),
        (".hidden/a.csv", False),
        ("a/.b/c.csv", False),
        (".ipynb_checkpoints/a-checkpoint.csv", False),
        ("._a.csv", False),
        ("_temporary/0/task_1/part-00000.csv", False),
        ("x.csv/_temporary/0/part-00000.csv", False),
        ("_spark_metadata/0.csv", False),
        ("_delta_log/0.csv", False),
        ("_committed_123.csv", False),
        ("__MACOSX/a.csv", False),
        ("a_b.csv", True),
        ("a.csv.tmp", False),
        ("a.csv.crc", False),
        ("a.gz", False),
        ("csv", False),
        ("a.csv.zip", False),
    ],
)
def test_only_visible_csv_files_are_data(name: str, is_data: bool) -> None:
    """No part of a path begins with `_` or `.`, and the name ends in .csv or .csv.gz."""
    sorted_out = members(name)
    assert list(sorted_out.names) == ([name] if is_data else [])
    assert bool(sorted_out.left_out) != is_data


def test_what_is_left_out_is_named_once() -> None:
    """A hidden folder is one entry, whatever it holds."""
    sorted_out = members("a.csv", "_t/1.csv", "_t/2/3.csv", "x/.y/z", "b.json", "a.parquet")
    assert {out.reason: list(out.names) for out in sorted_out.left_out} == {
        membership.HIDDEN: ["_t", "x/.y"],
        membership.OTHER_FORMAT: ["a.parquet", "b.json"],
    }


def test_objects_that_stand_for_folders_are_no_files() -> None:
    """ADLS lists a folder as an empty blob; other tools write one that ends with a slash."""
    sorted_out = membership.members(
        [
            Entry("a.csv", kind=Kind.MARKER),
            Entry("a.csv/part-0.csv", size=9),
            Entry("b.csv/"),
            Entry("c.csv"),
            Entry("c.csv/part-0.csv", size=9),
            Entry("d.csv"),
            Entry(""),
        ]
    )
    assert list(sorted_out.names) == ["a.csv/part-0.csv", "c.csv/part-0.csv", "d.csv"]
    (out,) = sorted_out.left_out
    assert (out.reason, list(out.names)) == (membership.FOLDER_MARKER, ["a.csv", "b.csv", "c.csv"])


def test_an_empty_part_is_left_out_and_an_empty_file_is_not() -> None:
    """Spark writes a part without bytes for a partition without rows; alone it would be a fault."""
    sorted_out = membership.members([Entry("a.csv/part-0.csv"), Entry("b.csv")])
    assert list(sorted_out.names) == ["b.csv"]
    assert [out.reason for out in sorted_out.left_out] == [membership.EMPTY_PART]


@pytest.mark.parametrize(
    ("names", "uncommitted"),
    [
        (["x.csv/part-0.csv", "x.csv/_SUCCESS"], []),
        (["x.csv/part-0.csv", "x.csv/_temporary/0/part-1.csv"], ["x.csv"]),
        (["x.csv/_temporary/0/part-1.csv", "x.csv/_SUCCESS"], []),
        (["x.csv/_temporary/0/1.csv", "_SUCCESS"], ["x.csv"]),
        (["x.csv/_started_7", "x.csv/_committed_7", "x.csv/part-0-tid-7.csv"], []),
        (["x.csv/_started_7", "x.csv/_committed_7", "x.csv/_started_8"], ["x.csv"]),
        (["_started_7", "part-0-tid-7.csv"], ["the export's folder"]),
        (["a.csv", "_notes", ".DS_Store"], []),
    ],
)
def test_a_job_that_has_not_committed_is_seen(names: list[str], uncommitted: list[str]) -> None:
    """Spark and Hadoop remove `_temporary` when they commit, Databricks adds `_committed_<id>`."""
    assert list(members(*names).uncommitted) == uncommitted


@pytest.mark.parametrize(
    ("name", "is_catalogue"),
    [
        ("items.csv", True),
        ("x/Items-2018.csv.gz", True),
        ("items/clicks.csv", False),
        ("items.csv/part-00000.csv", True),
        ("Items.csv.gz/part-00000.csv.gz", True),
        ("clicks.csv/items-00000.csv", False),
    ],
)
def test_the_catalogue_is_recognized_by_its_name(name: str, is_catalogue: bool) -> None:
    """The name is that of the file, or of the folder that is named like a file."""
    assert membership.is_catalogue(name) == is_catalogue


entries = st.lists(
    st.builds(
        Entry,
        st.lists(st.sampled_from(["a", "_b", "x.csv", "y.csv.gz"]), min_size=1, max_size=3).map(
            "/".join
        ),
        st.integers(0, 1),
        st.sampled_from(Kind),
    ),
    unique_by=lambda entry: entry.name,
)


@given(entries.flatmap(lambda listed: st.tuples(st.just(listed), st.permutations(listed))))
def test_the_order_of_the_listing_does_not_matter(drawn: tuple[list[Entry], list[Entry]]) -> None:
    """A storage may list its entries in any order."""
    assert membership.members(drawn[0]) == membership.members(drawn[1])
