"""Scored items as JSON."""

import pytest
from pydantic_core import to_json

from modelsystem_scorer.engine.listing import Listing
from modelsystem_shared.numeric.model import Strings

PLAIN = ["a", "Ünï ☃", "😀", "\x7f", "a/b", ""]
ESCAPED = ['"', "\\", "\n", "\x00", "\x1f"]


def listed(ids: list[str], titles: list[str], scores: list[float]) -> bytes | None:
    """Return the JSON of all items."""
    listing = Listing(Strings.of(ids), Strings.of(titles))
    return listing.to_json(list(range(len(ids))), to_json(scores))


def test_the_bytes_are_those_of_the_encoder() -> None:
    """Of plain texts, titles that are missing, and no items at all."""
    scores = [0.1, 1.0, 1e-7, 1e22, 0.30000001192092896, 3.0]
    items = [
        {"item_id": item, "title": title or None, "score": score}
        for item, title, score in zip(PLAIN, reversed(PLAIN), scores, strict=True)
    ]
    assert listed(PLAIN, PLAIN[::-1], scores) == to_json(items)[1:-1]
    assert listed([], [], []) == b""


@pytest.mark.parametrize("text", ESCAPED)
def test_what_must_be_escaped_is_left_to_the_encoder(text: str) -> None:
    """Also at the end of a text, of ids as of titles."""
    assert listed([f"a{text}"], ["b"], [1.0]) is None
    assert listed(["a"], [f"b{text}"], [1.0]) is None


def test_an_item_beyond_the_model_is_an_error() -> None:
    """Nothing beyond the texts is read."""
    listing = Listing(Strings.of(["a"]), Strings.of(["b"]))
    with pytest.raises(IndexError, match="string 1 is not in the model"):
        listing.to_json([1], b"[1.0]")
    with pytest.raises(IndexError, match="string -1 is not in the model"):
        listing.to_json([-1], b"[1.0]")


@pytest.mark.parametrize("scores", [b"[]", b"[1.0]", b"[1.0,2.0,3.0]"])
def test_each_item_has_one_score(scores: bytes) -> None:
    """More scores or fewer are an error, not another item's score."""
    listing = Listing(Strings.of(["a", "b"]), Strings.of(["", ""]))
    with pytest.raises(ValueError, match="2 items have"):
        listing.to_json([0, 1], scores)
