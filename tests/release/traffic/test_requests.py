"""What sends requests to a build, compared with its weight."""

import pytest

from modelsystem_release.cluster import Reference
from modelsystem_release.traffic.requests import compared

OWN = Reference("mlrelease-153", "HTTPRoute scoring", "traffic")
OTHER = Reference("mlrelease-153", "Service main", "")


@pytest.mark.parametrize(
    ("sources", "weight", "is_listed", "is_kept", "reason"),
    [
        ([OWN], 100, True, True, "100 % by release traffic, sent by HTTPRoute scoring"),
        ([], 100, True, False, "100 % by release traffic, sent by nothing"),
        ([OTHER], 100, True, False, "100 % by release traffic, sent by nothing"),
        ([OWN], 0, True, True, "0 % by release traffic, sent by HTTPRoute scoring"),
        ([], 0, False, True, "not in release traffic, sent by nothing"),
        ([OWN], 0, False, False, "not in release traffic, sent by HTTPRoute scoring"),
    ],
)
def test_requests_are_those_that_the_weight_promises(
    sources: list[Reference], weight: int, is_listed: bool, is_kept: bool, reason: str
) -> None:
    """A weight needs a route of the same release; a build without one must not have a route."""
    check, *_ = compared(sources, "traffic", weight, is_listed)
    assert (check.passed, check.reason) == (is_kept, reason)


def test_requests_from_elsewhere_are_shown() -> None:
    """They are no fault: another release, or a person, may have made that route."""
    *_, other = compared([OWN, OTHER], "traffic", 100, True)
    assert (other.passed, other.reason) == (True, "also sent by Service main")
