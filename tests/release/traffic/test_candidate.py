"""Users' requests that should have reached a candidate."""

from modelsystem_release.traffic.candidate import unreached


def test_a_candidate_that_gets_nothing_is_not_healthy() -> None:
    """The champion had ten requests a second, so that 300 of 600 s are due at 5 per cent."""
    fault = "none of the users' requests has reached it, where about 300 were due"
    assert unreached(0, 10.0, 600, 5) == fault
    assert unreached(1, 10.0, 600, 5) == ""


def test_at_night_nothing_may_come() -> None:
    """Where few requests are due, none is no fault."""
    assert unreached(0, 0.1, 600, 5) == ""
    assert unreached(0, 0.0, 600, 100) == ""
