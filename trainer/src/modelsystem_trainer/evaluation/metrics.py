"""The figures of lists: means over users with intervals, at several lengths of a list.

In the manifest, `model.metrics` holds

    model, popularity   of the same users, whose latest interactions were held out from the fit:
      users             their number
      at                for k of 10, 20 and 50
        recall, ndcg    see `modelsystem_shared.numeric.ranking`
        novelty, coverage   see `modelsystem_shared.numeric.exposure`
      by_history        the same for bands of users by their number of earlier items: first, last
                        (null: no end), users, at
      tail              for ten bands of equally many items, the most popular first: the share of
                        items that are among the first 20 of anyone
    gate                the gate users' figures of the published model; see `gate`

recall, ndcg and novelty are means over users with a 95 % interval: mean, low, high. A user with an
empty list counts 0. Coverage has no interval: it grows with the number of users, and a resample has
fewer different users, so its coverage would always be lower.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from modelsystem_shared.numeric import exposure
from modelsystem_shared.numeric.arrays import Float64s, Indices, Mask
from modelsystem_shared.numeric.ranking import Estimate, K, estimate
from modelsystem_trainer.evaluation.ranking import Lists

KS = (10, 20, 50)
MOST_SHOWN = max(KS)
FIRSTS = (1, 6, 21, 101)  # where a band of history lengths begins
_BANDS_OF_ITEMS = 10


@dataclass(frozen=True)
class Figures:
    """The figures of lists of one length; see the module's docstring."""

    recall: Estimate
    ndcg: Estimate
    novelty: Estimate
    coverage: float


@dataclass(frozen=True)
class Band:
    """The figures of users with `first` to `last` earlier items (None: or more)."""

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
        """The share of items among anyone's first 20."""
        return self.at[K].coverage


def measure(lists: Lists, counts: Indices, n_users: int, lengths: Indices) -> Metrics:
    """Return all figures of lists of up to 50 items.

    counts: for each item how many of the `n_users` users chose it.
    lengths: for each user of the lists the number of earlier items.
    """
    bits = exposure.self_information(counts, n_users)
    bands = [
        Band(first, last, int(is_in.sum()), figures(lists.of(is_in), bits))
        for first, last, is_in in in_bands(lengths, FIRSTS)
    ]
    return Metrics(len(lists.shown), figures(lists, bits), bands, _tail(lists, counts))


def in_bands(lengths: Indices, firsts: Sequence[int]) -> Iterator[tuple[int, int | None, Mask]]:
    """Yield the bands that begin at `firsts`: first, last (None: no end), and which are in it."""
    lasts = [*(first - 1 for first in firsts[1:]), None]
    for first, last in zip(firsts, lasts, strict=True):
        yield first, last, (lengths >= first) & (last is None or lengths <= last)


def figures(lists: Lists, bits: Float64s) -> dict[int, Figures]:
    """Return the figures at each length; `bits` is the self-information of each item."""
    estimates = iter(estimate(user_values(lists, bits)))
    return {
        k: Figures(next(estimates), next(estimates), next(estimates), coverage(lists, k, bits))
        for k in KS
    }


def user_values(lists: Lists, bits: Float64s) -> Float64s:
    """Return users × (recall, ndcg, novelty at 10, at 20, at 50)."""
    columns = []
    for k in KS:
        columns += [
            lists.user_recall(k),
            lists.user_ndcg(k),
            exposure.novelty(lists.shown[:, :k], bits),
        ]
    return np.stack(columns, axis=1)


def shown_figures(lists: Lists, k: int, bits: Float64s) -> tuple[float, float]:
    """Return coverage and mean novelty of lists of k items."""
    novelty = exposure.novelty(lists.shown[:, :k], bits)
    return coverage(lists, k, bits), float(novelty.mean()) if len(novelty) else 0.0


def coverage(lists: Lists, k: int, bits: Float64s) -> float:
    """Return the share of items that is among the first k of any list."""
    return exposure.coverage(lists.shown[:, :k], len(bits))


def _tail(lists: Lists, counts: Indices) -> list[float]:
    order = np.argsort(-counts.astype(np.int64), kind="stable")
    is_shown = exposure.is_shown(lists.shown[:, :K], len(counts))[order]
    return [exposure.share(band) for band in np.array_split(is_shown, _BANDS_OF_ITEMS)]
