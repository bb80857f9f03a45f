"""The columns that are read, from a header."""

import pytest

from modelsystem_shared.errors import DataError
from modelsystem_trainer.columns import Columns
from modelsystem_trainer.ingest import header


def interactions_columns(names: str, columns: str = "") -> dict[str, str]:
    named = Columns.parse(columns) if columns else Columns()
    return header.of_interactions(named, "clicks.csv", names.split(",")).theirs


def test_known_columns_are_found_and_others_ignored() -> None:
    """Columns may come in any order, with others between them."""
    theirs = interactions_columns("country,timestamp,item_id,user_id")
    assert theirs == {"user_id": "user_id", "item_id": "item_id", "timestamp": "timestamp"}


def test_mapped_columns_are_found_by_their_names() -> None:
    """A mapping says what a column is called."""
    theirs = interactions_columns("learner,course,item_id", "user_id=learner,item_id=course")
    assert theirs == {"user_id": "learner", "item_id": "course"}


def test_a_mapped_column_has_no_other_meaning() -> None:
    """A column called rating that is mapped to weight is not a rating too."""
    theirs = interactions_columns("user_id,item_id,rating", "weight=rating")
    assert theirs == {"user_id": "user_id", "item_id": "item_id", "weight": "rating"}


def test_names_can_be_swapped() -> None:
    """Two of our names may be mapped to each other."""
    theirs = interactions_columns("user_id,item_id", "user_id=item_id,item_id=user_id")
    assert theirs == {"user_id": "item_id", "item_id": "user_id"}


@pytest.mark.parametrize(
    ("names", "columns", "sentence"),
    [
        ("user_id,title", "", "no column 'item_id'; the header has user_id, title"),
        ("user_id,movieId", "", "no column 'item_id'; the header has user_id, movieId"),
        ("user_id;item_id", "", "semicolons separate the columns, but must be commas"),
        ("User ID,userId,item_id", "", "the columns 'User ID', 'userId' could all be user_id"),
        ("user_id,item_id,Rating,weight", "", "a rating and a weight"),
        ("user_id,item_id", "user_id=learner", "'learner' .CSV_COLUMNS maps user_id to it"),
        ("user_id,item_id", "timestamp=at", "'at' .CSV_COLUMNS maps timestamp to it"),
        ("user_id,item_id,rating,weight", "", "a rating and a weight"),
    ],
)
def test_an_unusable_header_is_refused(names: str, columns: str, sentence: str) -> None:
    """The sentence names the file, its first line and the column."""
    with pytest.raises(DataError, match=f"clicks.csv line 1: .*{sentence}"):
        interactions_columns(names, columns)


@pytest.mark.parametrize(
    "name", ["Timestamp", "TIMESTAMP", " timestamp", "time_stamp", "Time Stamp"]
)
def test_a_name_in_another_spelling_is_ours(name: str) -> None:
    """Case, blanks and punctuation make no other column; nothing is silently ignored."""
    assert interactions_columns(f"userId,Item ID,{name}") == {
        "user_id": "userId",
        "item_id": "Item ID",
        "timestamp": name,
    }


def test_the_exact_name_comes_first() -> None:
    """Another column in a similar spelling is not read."""
    layout = header.of_interactions(Columns(), "a.csv", ["user_id", "item_id", "rating", "Rating"])
    assert layout.theirs["rating"] == "rating"
    assert layout.unused == ["Rating"]


def test_a_mapped_name_may_differ_in_its_spelling() -> None:
    """And a column that is mapped in another spelling has no other meaning."""
    theirs = interactions_columns("Learner,item_id,Rating", "user_id=learner,weight=rating")
    assert theirs == {"user_id": "Learner", "item_id": "item_id", "weight": "Rating"}


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("ts", "timestamp"),
        ("event_time", "timestamp"),
        ("timestmp", "timestamp"),
        ("ratings", "rating"),
        ("Stars", "rating"),
        ("tenant", "tenant_id"),
        ("country", None),
    ],
)
def test_a_column_that_resembles_a_missing_one_is_named(name: str, ours: str | None) -> None:
    """It is not read, but it is not silently ignored either."""
    layout = header.of_interactions(Columns(), "a.csv", ["user_id", "item_id", name])
    assert layout.unused == [name]
    assert layout.resembling == ({ours: name} if ours else {})
    timed = header.of_interactions(Columns(), "a.csv", ["user_id", "item_id", "timestamp", name])
    assert ours != "timestamp" or not timed.resembling


def test_a_catalogue_needs_ids_and_titles() -> None:
    """A catalogue without a title is refused; other columns are ignored."""
    layout = header.of_catalogue(Columns(), "items.csv", ["genre", "title", "item_id", "weight"])
    assert layout.theirs == {"item_id": "item_id", "title": "title"}
    with pytest.raises(DataError, match=r"items.csv line 1: there is no column 'title'"):
        header.of_catalogue(Columns(), "items.csv", ["item_id"])


def test_a_catalogue_may_be_for_all_tenants() -> None:
    """A tenant column that is mapped must be in every file of interactions, not here."""
    columns = Columns.parse("tenant_id=org,item_id=course")
    layout = header.of_catalogue(columns, "items.csv", ["course", "title"])
    assert layout.theirs == {"item_id": "course", "title": "title"}


def test_files_must_have_the_same_of_our_columns() -> None:
    """A column in only some files is refused, whichever file comes first."""
    plain = header.of_interactions(Columns(), "a.csv", ["user_id", "item_id"])
    timed = header.of_interactions(Columns(), "b.csv", ["item_id", "timestamp", "user_id"])
    plain.check_alike(header.of_interactions(Columns(), "c.csv", ["item_id", "x", "user_id"]))
    for first, second in ((plain, timed), (timed, plain)):
        with pytest.raises(DataError, match=f"{second.file} line 1: timestamp must .*{first.file}"):
            first.check_alike(second)
