"""Coverage, novelty and overlap of lists of ids."""

import pytest

from modelsystem_release.cluster import Popularity
from modelsystem_release.judging.lists import Catalogue, overlap


def test_coverage_is_a_share_of_the_catalogue() -> None:
    """Each item counts once, and only among the first 20."""
    late = tuple(f"i{n}" for n in range(21))
    catalogue = Catalogue.of(Popularity(9, dict.fromkeys([*"abcd", "i20", "zz"], 1)))
    assert catalogue.coverage([("a", "b"), ("b", "c")]) == 0.5
    assert catalogue.coverage([("a", "not in the catalogue"), late]) == pytest.approx(
        1 / 6, abs=1e-6
    )


def test_novelty_is_in_bits() -> None:
    """Of 8 users all chose a, and one chose c; an item of another catalogue counts for nothing."""
    catalogue = Catalogue.of(Popularity(8, {"a": 8, "b": 2, "c": 1}))
    novelty = catalogue.novelty([("a", "b", "c"), ("c", "x"), ()])
    assert novelty is not None
    assert novelty.tolist() == pytest.approx([5 / 3, 3, 0])


def test_of_an_older_site_only_the_number_of_items_is_known() -> None:
    """Its coverage is a share of them, and nothing tells what is novel."""
    lists = [("a", "b"), ("b", "c")]
    catalogue = Catalogue.seen_in(lists, 6)
    assert catalogue.coverage(lists) == 0.5
    assert catalogue.novelty(lists) is None
    assert Catalogue.seen_in([], 0).coverage([]) == 0.0


def test_overlap_is_a_share_of_each_others_lists() -> None:
    """A mean over questions; the longer list counts."""
    assert overlap([("a", "b"), ("c",)], [("b", "a"), ("d",)]) == 0.5
    assert overlap([()], [("a",)]) == 0.0
