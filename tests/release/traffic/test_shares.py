"""Shares of the traffic in whole per cents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_release.traffic import with_share
from modelsystem_shared.errors import UsageError

WEIGHTS = st.dictionaries(st.sampled_from("abcde"), st.integers(1, 100), min_size=1)


@given(WEIGHTS, st.sampled_from("abcdef"), st.integers(1, 100))
def test_shares_always_add_up(weights: dict[str, int], build: str, share: int) -> None:
    """The rest goes to the others in proportion, to within one per cent, in the same order."""
    others = {name: weight for name, weight in weights.items() if name != build}
    if not others and share < 100:
        with pytest.raises(UsageError, match="no other build"):
            with_share(weights, build, share)
        return
    shares = with_share(weights, build, share)
    assert sum(shares.values()) == 100
    assert shares[build] == share
    order = [*weights, *([] if build in weights else [build])]
    assert list(shares) == [name for name in order if shares.get(name)]
    for name, weight in others.items():
        assert abs(shares.get(name, 0) - (100 - share) * weight / sum(others.values())) < 1


def test_a_build_that_is_mirrored_to_stays_on_the_list() -> None:
    """The routing chart refuses a mirror that is not among the builds."""
    assert with_share({"a": 100, "b": 0, "c": 0}, "d", 100, {"b"}) == {"b": 0, "d": 100}
