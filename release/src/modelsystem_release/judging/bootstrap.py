"""Percentile bootstrap of a mean, the same for the same values (Efron 1979).

Of a difference between two sites it is paired: what is resampled are questions, each with the
difference between its two answers, so that a hard question is hard for both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2_000
_SEED = 20_180_523
_AT_ONCE = 50  # resamples: bounds the memory


@dataclass(frozen=True)
class Estimate:
    """A mean and the interval that holds the true mean at the stated rate."""

    mean: float
    low: float
    high: float


def estimate(values: Sequence[float], rate: float = 0.95) -> Estimate:
    """Return the mean of `values`, one for each question, with its interval.

    Raises:
        ValueError: there are no values.

    """
    if not len(values):
        raise ValueError("no values to estimate from")
    given = np.asarray(values, np.float64)
    n, draw = len(given), np.random.default_rng(_SEED)
    means = np.concatenate(
        [
            given[draw.integers(n, size=(_AT_ONCE, n))].mean(axis=1)
            for _ in range(RESAMPLES // _AT_ONCE)
        ]
    )
    low, high = np.quantile(means, [(1 - rate) / 2, (1 + rate) / 2])
    return Estimate(float(given.mean()), float(low), float(high))


def paired(ours: Sequence[float], theirs: Sequence[float], rate: float = 0.95) -> Estimate:
    """Return the mean of ours minus theirs on the same questions, with its interval."""
    return estimate(np.subtract(ours, theirs).tolist(), rate)
