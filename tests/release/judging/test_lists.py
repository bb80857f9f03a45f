"""Coverage and overlap of lists of ids."""

from modelsystem_release.judging.lists import coverage, overlap


def test_coverage_is_a_share_of_the_catalogue() -> None:
    """Each item counts once."""
    assert coverage([("a", "b"), ("b", "c")], 6) == 0.5
    assert coverage([], 0) == 0.0


def test_overlap_is_a_share_of_each_others_lists() -> None:
    """A mean over questions; the longer list counts."""
    assert overlap([("a", "b"), ("c",)], [("b", "a"), ("d",)]) == 0.5
    assert overlap([()], [("a",)]) == 0.0
