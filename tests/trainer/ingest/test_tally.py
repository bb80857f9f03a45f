"""The span of all times, and the few that are far from all others."""

import numpy as np
import pytest

from modelsystem_trainer.ingest import tally
from modelsystem_trainer.ingest.tally import Span, Times

YEAR = dict.fromkeys(range(17_000, 17_365), 90)


def span_of(days: dict[int, int]) -> Span:
    return tally._span(sorted(days.items()))


@pytest.mark.parametrize(
    ("more", "span"),
    [
        ({}, Span(17_000, 17_364, 0)),
        ({47_000: 1}, Span(17_000, 17_364, 1)),
        ({3_652: 3, 17_500: 2, 47_000: 5}, Span(17_000, 17_364, 10)),
        ({17_380: 1}, Span(17_000, 17_380, 0)),
        ({47_000: 200}, Span(17_000, 47_000, 0)),
    ],
    ids=["none", "one", "both ends", "a short gap", "too many"],
)
def test_a_few_times_far_from_all_others_are_odd(more: dict[int, int], span: Span) -> None:
    """At most one of a thousand rows at each end, after 30 days without any."""
    assert span_of(YEAR | more) == span


def test_little_data_has_no_odd_times() -> None:
    """Between a few rows any gap is usual."""
    assert span_of({1_000: 50, 40_000: 1}) == Span(1_000, 40_000, 0)


def test_in_some_hundred_rows_a_gap_must_exceed_all_that_was_before() -> None:
    """Sparse rows have long gaps."""
    sparse = dict.fromkeys(range(10_000, 14_000, 40), 4)
    assert span_of(sparse | {14_100: 1}).odd == 0
    assert span_of(sparse | {19_000: 1}) == Span(10_000, 13_960, 1)


def test_times_are_counted_by_day() -> None:
    """Days are of UTC; first and last are exact."""
    times = Times.of(np.array([86_400.0 * 3 - 1, 86_400.0 * 3, 86_400.0 * 5 + 7]))
    assert times is not None
    assert (times.first, times.last, times.first_day) == (259_199.0, 432_007.0, 2)
    assert times.counts.tolist() == [1, 1, 0, 1]
    assert Times.of(np.array([])) is None
