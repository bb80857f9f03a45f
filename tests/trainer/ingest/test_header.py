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
        ("User_ID,item_id", "", "no column 'user_id'; the header has User_ID, item_id"),
        ("user_id, item_id", "", "no column 'item_id'"),
        ("user_id,item_id", "user_id=learner", "'learner' .CSV_COLUMNS maps user_id to it"),
        ("user_id,item_id", "timestamp=at", "'at' .CSV_COLUMNS maps timestamp to it"),
        ("user_id,item_id,rating,weight", "", "a rating and a weight"),
    ],
)
def test_an_unusable_header_is_refused(names: str, columns: str, sentence: str) -> None:
    """The sentence names the file, its first line and the column."""
    with pytest.raises(DataError, match=f"clicks.csv line 1: .*{sentence}"):
        interactions_columns(names, columns)


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
