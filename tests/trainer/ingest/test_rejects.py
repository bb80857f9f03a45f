"""Malformed rows: how many are tolerated, and how they are reported."""

import csv
import io

import pytest

from modelsystem_shared.errors import DataError
from modelsystem_trainer.ingest import rejects
from modelsystem_trainer.ingest.rejects import Rejects


def filled(limit: int, count: int) -> Rejects:
    collected = Rejects(limit)
    for line in range(2, count + 2):
        collected.add("clicks.csv", line, "item_id is empty")
    return collected


def test_the_limit_is_tolerated() -> None:
    """As many rows as the limit are no error."""
    filled(limit=3, count=3).check()


def test_one_more_fails_the_training() -> None:
    """The sentence has the count, the variable, and file and line of each row."""
    with pytest.raises(DataError) as caught:
        filled(limit=1, count=2).check()
    assert str(caught.value) == (
        "2 malformed rows, and MAX_BAD_ROWS is 1: "
        "clicks.csv line 2: item_id is empty; clicks.csv line 3: item_id is empty"
    )


def test_the_limit_counts_what_is_lost() -> None:
    """One fault over many lines costs as many rows, and the sentence names them."""
    collected = Rejects(10_000)
    collected.add("a.csv", 101, "not RFC 4180: a quote is not closed", lines=6242)
    assert (collected.count, collected.of_file["a.csv"]) == (6242, 6242)
    with pytest.raises(
        DataError, match=r"^12,484 or more malformed rows.*: a.csv lines 101 to 6342: "
    ):
        collected.add("a.csv", 9000, "not RFC 4180: a quote is not closed", lines=6242)


def test_reading_ends_when_enough_are_known() -> None:
    """A file of nothing but malformed rows is not read to its end."""
    with pytest.raises(DataError, match=f"^{rejects.SHOWN} or more malformed rows") as caught:
        filled(limit=0, count=10**6)
    assert str(caught.value).count("clicks.csv line") == rejects.SHOWN


def test_a_high_limit_is_not_checked_before_it_is_passed() -> None:
    """Below the limit any number of rows may come."""
    assert filled(limit=50, count=50).count == 50
    with pytest.raises(DataError, match=r"^51 or more"):
        filled(limit=50, count=51)


def test_the_list_is_a_csv_file_in_order_of_file_and_line() -> None:
    """The list can be read back, with any characters in a file's name."""
    rejects_ = Rejects(9)
    for file, line in (("b.csv", 2), ("a,\n.csv", 10), ("a,\n.csv", 9)):
        rejects_.add(file, line, 'not "RFC"')
    rows = list(csv.reader(io.StringIO(rejects_.to_csv().decode(), newline="")))
    assert rows == [
        ["file", "line", "lines", "reason"],
        ["a,\n.csv", "9", "1", 'not "RFC"'],
        ["a,\n.csv", "10", "1", 'not "RFC"'],
        ["b.csv", "2", "1", 'not "RFC"'],
    ]


def test_the_list_is_bounded() -> None:
    """All are counted, the first ones are listed."""
    rejects_ = filled(limit=10**9, count=rejects.LISTED + 5)
    assert rejects_.count == rejects.LISTED + 5
    assert rejects_.to_csv().count(b"clicks.csv") == rejects.LISTED
