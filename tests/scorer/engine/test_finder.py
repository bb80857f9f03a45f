"""Binary search in mapped ids."""

import pytest

from modelsystem_scorer.engine import Finder
from modelsystem_shared.numeric.model import Strings

IDS = sorted(["", "a", "aa", "ab", "b", "Ünï ☃", "😀", "\x00", "z" * 300], key=str.encode)


@pytest.mark.parametrize("count", range(len(IDS) + 1))
def test_each_id_is_found(count: int) -> None:
    """At its own place, and no other text is, in lists of any length."""
    finder = Finder(Strings.of(IDS[:count]))
    assert [finder.find(value) for value in IDS[:count]] == list(range(count))
    absent = [*IDS[count:], "aaa", "A", "\ud800", "z" * 299]
    assert all(finder.find(value) is None for value in absent)


def test_damaged_ends_are_an_error() -> None:
    """Nothing beyond the strings is read."""
    strings = Strings.of(["a", "b", "c"])
    damaged = Finder(Strings(strings.content, strings.ends + 100))
    with pytest.raises(IndexError, match="string 1 is not in the model"):
        damaged.find("b")
