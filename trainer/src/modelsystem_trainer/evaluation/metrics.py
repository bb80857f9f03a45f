"""How good lists are: means over users with their uncertainty, at several lengths of a list.

In the manifest, `model.metrics` holds

    model, popularity   of the same users, their latest interactions held out from the fit:
      users             how many were asked
      at                for k of 10, 20 and 50
        recall          the share of a user's held-out items among the first k
        ndcg            the same, but an early hit counts for more; binary gains
        novelty         bits: the mean of -log2(share of users who chose it) of a shown item
                        (Zhou et al. 2010, doi:10.1073/pnas.1000488107)
        coverage        the share of all items that anybody was shown
      by_history        the same of users with so many earlier items: first, last (null: no
                        end), users, at
      tail              ten bands of equally many items, the most popular first: the share of
                        each that anybody was shown among their first 20
    gate                the gate users, asked of the model that is published; see `gate`

recall, ndcg and novelty are means over users with a 95 % interval: mean, low, high. Coverage
grows with the number of users who are asked, so it has no interval: a resample of the users
has fewer different ones, and would always be below it. Who is shown nothing counts with 0.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from modelsystem_trainer.evaluation.ranking import Floats, K, Lists, Places

KS = (10, 20, 50)
MOST_SHOWN = max(KS)
FIRSTS = (1, 6, 21, 101)  # where a band of history lengths begins
RESAMPLES = 1_000
_SEED = 20_180_523
_AT_ONCE = 50  # resamples: bounds the memory
_DECIMALS = 6
_EXACT = 2.0**30
_BANDS_OF_ITEMS = 10


@dataclass(frozen=True)
class Estimate:
    """A mean over users and its 95 % percentile bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Figures:
    """What lists of one length are worth; see the module's docstring."""

    recall: Estimate
    ndcg: Estimate
    novelty: Estimate
    coverage: float


@dataclass(frozen=True)
class Band:
    """Users with `first` to `last` earlier items (None: or more)."""

    first: int
    last: int | None
    users: int
    at: dict[int, Figures]


@dataclass(frozen=True)
class Metrics:
    """All figures of one recommender on some users; see the module's docstring."""

    users: int
    at: dict[int, Figures]
    by_history: list[Band] = field(default_factory=list)
    tail: list[float] = field(default_factory=list)

    @property
    def ndcg(self) -> float:
        """The mean NDCG@20: the model's score."""
        return self.at[K].ndcg.mean

    @property
    def recall(self) -> float:
        """The mean Recall@20."""
        return self.at[K].recall.mean

    @property
    def coverage(self) -> float:
        """The share of items shown among the first 20."""
        return self.at[K].coverage


def measure(lists: Lists, counts: npt.NDArray[Any], n_users: int, lengths: Places) -> Metrics:
    """Work out everything about lists of up to 50 items.

    counts: for each item how many of the `n_users` users chose it.
    lengths: for each user who was asked, the number of earlier items.
    """
    bits = self_information(counts, n_users)
    bands = []
    for first, last, is_in in in_bands(lengths, FIRSTS):
        at = figures(lists.of(is_in), bits)
        bands.append(Band(first, last, int(is_in.sum()), at))
    return Metrics(len(lists.shown), figures(lists, bits), bands, _tail(lists, counts))


def in_bands(
    lengths: Places, firsts: Sequence[int]
) -> Iterator[tuple[int, int | None, npt.NDArray[np.bool_]]]:
    """Yield the bands that begin at `firsts`: first, last (None: no end), and who is in it."""
    lasts = [*(first - 1 for first in firsts[1:]), None]
    for first, last in zip(firsts, lasts, strict=True):
        yield first, last, (lengths >= first) & (last is None or lengths <= last)


def self_information(counts: npt.NDArray[Any], n_users: int) -> Floats:
    """Return -log2 of the share of users who chose each item; nobody counts as one."""
    found: Floats = np.log2(max(n_users, 1)) - np.log2(np.maximum(counts, 1), dtype=np.float64)
    return found


def figures(lists: Lists, bits: Floats) -> dict[int, Figures]:
    """Work out the figures at each length; `bits` is the self-information of each item."""
    estimates = iter(estimate(user_values(lists, bits)))
    return {
        k: Figures(next(estimates), next(estimates), next(estimates), _coverage(lists, k, bits))
        for k in KS
    }


def user_values(lists: Lists, bits: Floats) -> Floats:
    """Return users × (recall, ndcg, novelty at 10, at 20, at 50)."""
    columns = []
    for k in KS:
        columns += [lists.user_recall(k), lists.user_ndcg(k), _user_novelty(lists, k, bits)]
    return np.stack(columns, axis=1)


def estimate(values: Floats) -> list[Estimate]:
    """Return the mean over users of each column, users × columns, with its interval.

    Values count in steps of 2^-30, so that sums of them are exact in float64, and do not
    depend on the order in which a BLAS adds them up.
    """
    if not len(values):
        return [Estimate(0.0, 0.0, 0.0)] * values.shape[1]
    exact = np.rint(values * _EXACT) / _EXACT
    low, high = np.percentile(_resampled_means(exact), [2.5, 97.5], axis=0)
    rounded = np.round([exact.mean(axis=0), low, high], _DECIMALS) + 0.0  # no -0
    return [Estimate(*row) for row in rounded.T.tolist()]


def _resampled_means(values: Floats) -> Floats:
    """Return RESAMPLES × columns: means over as many users, drawn with replacement."""
    n = len(values)
    draw = np.random.default_rng(_SEED)
    means = np.empty((RESAMPLES, values.shape[1]))
    for start in range(0, RESAMPLES, _AT_ONCE):
        drawn = [np.bincount(draw.integers(n, size=n), minlength=n) for _ in range(_AT_ONCE)]
        means[start : start + _AT_ONCE] = np.array(drawn, np.float64) @ values / n
    return means


def _user_novelty(lists: Lists, k: int, bits: Floats) -> Floats:
    shown = lists.shown[:, :k]
    is_item = shown >= 0
    total = np.where(is_item, bits[shown], 0).sum(axis=1)
    found: Floats = total / np.maximum(is_item.sum(axis=1), 1)
    return found


def _coverage(lists: Lists, k: int, bits: Floats) -> float:
    return _share(_is_shown(lists, k, len(bits)))


def _tail(lists: Lists, counts: npt.NDArray[Any]) -> list[float]:
    order = np.argsort(-counts.astype(np.int64), kind="stable")
    shown = _is_shown(lists, K, len(counts))[order]
    return [_share(band) for band in np.array_split(shown, _BANDS_OF_ITEMS)]


def _is_shown(lists: Lists, k: int, n_items: int) -> npt.NDArray[np.bool_]:
    shown = lists.shown[:, :k]
    found = np.zeros(n_items, bool)
    found[shown[shown >= 0]] = True
    return found


def _share(mask: npt.NDArray[np.bool_]) -> float:
    return round(float(mask.mean()), _DECIMALS) if len(mask) else 0.0
