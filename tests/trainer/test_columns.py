"""The mapping of column names."""

import pytest

from modelsystem_trainer.columns import Columns


def test_unmapped_names_stay() -> None:
    """Without a mapping, the export's names are ours."""
    assert Columns().theirs("user_id") == "user_id"


def test_mapped_names_are_the_exports() -> None:
    """Blanks around names are ignored, those within them kept."""
    columns = Columns.parse("user_id = learner , item_id=course no")
    names = [columns.theirs(ours) for ours in ("user_id", "item_id", "title")]
    assert names == ["learner", "course no", "title"]


def test_the_text_is_the_same_whatever_the_order() -> None:
    """Two mappings that differ in their order only are the same setting."""
    first, second = Columns.parse("user_id=u,item_id=i"), Columns.parse("item_id=i,user_id=u")
    assert str(first) == str(second) == "item_id=i,user_id=u"
    assert first == second


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("user=learner", "maps 'user'; the names are user_id, item_id"),
        ("user_id", "is not like user_id=learner"),
        ("user_id=", "is not like user_id=learner"),
        ("user_id=a,", "is not like user_id=learner"),
        ("user_id=a,user_id=b", "each name once"),
        ("user_id=a,item_id=a", "two names to the same column"),
        ("user_id=item_id", "two names to the same column"),
    ],
)
def test_a_malformed_mapping_is_refused(value: str, reason: str) -> None:
    """An unknown name, half a pair, a repetition and an ambiguity each have their sentence."""
    with pytest.raises(ValueError, match=reason):
        Columns.parse(value)
