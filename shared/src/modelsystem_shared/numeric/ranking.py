"""How good ranked lists are, with intervals: the trainer's figures, and what the gate judges by.

A list of at most k items is compared with a user's held-out items. Of n held-out items,

    Recall@k = hits among the first k / n
    DCG@k    = Σ over the hits at place p (from 1) of 1 / log2(p + 1)
    NDCG@k   = DCG@k / the DCG of min(k, n) hits in the first places

with binary gains (Järvelin and Kekäläinen 2002, doi 10.1145/582415.582418). Both are 0 for a user
without held-out items. Means over users have percentile bootstrap intervals (Efron 1979, doi
10.1214/aos/1176344552). For two recommenders on the same users the differences are resampled,
user by user: a user who is hard for one is hard for the other.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from modelsystem_shared.numeric.arrays import Float64s, Indices, Mask

K = 20  # of the model's score, NDCG@20
RESAMPLES = 1_000
_SEED = 20_180_523
_AT_ONCE = 50  # resamples: bounds the memory
_DECIMALS = 6
_EXACT = 2.0**30


@dataclass(frozen=True)
class Estimate:
    """A mean over users, and the interval that holds the true mean at the stated rate."""

    mean: float
    low: float
    high: float


def hits(lists: Sequence[Sequence[str]], held_out: Sequence[Collection[str]], k: int = K) -> Mask:
    """Return lists × k: whether the item at this place is held out; False beyond a list's end."""
    marks = np.zeros((len(lists), k), bool)
    for row, (items, relevant) in enumerate(zip(lists, held_out, strict=True)):
        for place, item in enumerate(items[:k]):
            marks[row, place] = item in relevant
    return marks


def recall(marks: Mask, counts: Indices, k: int = K) -> Float64s:
    """Return the Recall@k of each list.

    marks: lists × at least k places, as `hits` has them.
    counts: for each list the number of held-out items.
    """
    shares: Float64s = marks[:, :k].sum(axis=1) / np.maximum(counts, 1)
    return shares


def ndcg(marks: Mask, counts: Indices, k: int = K) -> Float64s:
    """Return the NDCG@k of each list; arguments as of `recall`."""
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[1.0], np.cumsum(discounts)])  # 1: without held-out items it is 0 / 1
    first = marks[:, :k]
    gains = np.where(first, discounts[: first.shape[1]], 0).sum(axis=1)
    values: Float64s = gains / ideal[np.minimum(counts, k)]
    return values


def estimate(values: Float64s, rate: float = 0.95) -> list[Estimate]:
    """Return the mean over users of each column of `values`, users × columns, with its interval.

    Values count in steps of 2^-30: their sums are exact in float64, and do not depend on the order
    in which a BLAS adds them up. Figures are rounded to 6 decimals.
    """
    if not len(values):
        return [Estimate(0.0, 0.0, 0.0)] * values.shape[1]
    exact = np.rint(values * _EXACT) / _EXACT
    tail = round(50 * (1 - rate), 9)
    low, high = np.percentile(_resampled_means(exact), [tail, 100 - tail], axis=0)
    rounded = np.round([exact.mean(axis=0), low, high], _DECIMALS) + 0.0  # no -0
    return [Estimate(*row) for row in rounded.T.tolist()]


def _resampled_means(values: Float64s) -> Float64s:
    """Return RESAMPLES × columns: means over as many users, drawn with replacement."""
    n = len(values)
    draw = np.random.default_rng(_SEED)
    means = np.empty((RESAMPLES, values.shape[1]))
    for start in range(0, RESAMPLES, _AT_ONCE):
        drawn = [np.bincount(draw.integers(n, size=n), minlength=n) for _ in range(_AT_ONCE)]
        means[start : start + _AT_ONCE] = np.array(drawn, np.float64) @ values / n
    return means
