"""From what somebody chose to what they may like: a sum of a few sparse rows.

Everything here is an index of an item; ids and titles are the business of `answers`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from modelsystem_shared.model import Array, Model

_MANY = 50  # items are looked at, one after another in memory, while one term is sorted


@dataclass(frozen=True)
class Basis:
    """What an answer builds on: items, ascending, each once; `weights` (float32), None for ones.

    Ascending, so that floats add up the same in whatever order the items were given.
    """

    items: Sequence[int]
    weights: Array | None = None


@dataclass(frozen=True)
class Ranking:
    """Items (integers), best first, with their scores (floats), equally many of each."""

    items: Array
    scores: Array
    is_fallback: bool = False


class Contribution(NamedTuple):
    """What one item of the basis adds to the score of another item."""

    item: int
    share: float


class _Terms(NamedTuple):
    """The terms of all sums, in the order of the basis: which item (intp) gets how much."""

    items: Array
    amounts: Array
    lengths: list[int]


class Recommender:
    """Ranks items of one model; threads may share it, and forked processes its memory."""

    def __init__(self, model: Model) -> None:
        """Sort the items by popularity, once for all threads and processes."""
        self._model = model
        # Buffers: they slice in a third of the time that arrays need.
        self._ends = model.similar.ends.data
        self._neighbours = model.similar.indices.data
        self._similarity = model.similarity.data
        self.by_popularity = np.argsort(-model.lately, kind="stable")
        # Zeros, one array for each call at a time: a fresh one for every call costs more than
        # the sum. A call that fails keeps its array to itself, so that none comes back soiled.
        self._accumulators: list[Array] = []

    def recommend(
        self, basis: Basis, k: int, excluded: Sequence[int], candidates: Array | None = None
    ) -> Ranking:
        """Return the `k` best items for who chose the items of `basis`.

        An item's score is the sum, in float32 and in the order of `basis`, of its
        similarities to the items of `basis`, each times its weight. Only items with a positive
        score are ranked, and only `candidates` (ascending) where given; equal ones by index.
        When there is none, the most popular ones stand in.
        """
        items, amounts, _ = self._terms(basis)
        total = self._sum(items, amounts)
        total[excluded] = 0
        among = candidates
        if among is None and self._are_few(items):
            among = np.unique(items)
        ranked = best(total, k) if among is None else among.take(best(total.take(among), k))
        ranking = Ranking(ranked, total.take(ranked))
        self._clear(total, items)
        return ranking if len(ranked) else self.popular(k, excluded, candidates)

    def popular(self, k: int, excluded: Sequence[int], candidates: Array | None = None) -> Ranking:
        """Return the `k` items that are most popular lately, scored by `popularity`."""
        if candidates is None:
            head = self.by_popularity[: k + len(excluded)]
        else:
            head = candidates[np.argsort(-self.popularity(candidates), kind="stable")]
        items = head[np.isin(head, np.array(excluded, np.intp), invert=True)][:k]
        return Ranking(items, self.popularity(items), is_fallback=True)

    def popularity(self, items: Array) -> Array:
        """Return the share of users who chose each item, late ones counting most (float32)."""
        shares: Array = self._model.lately[items]
        return shares

    def similar(self, item: int, k: int) -> Ranking:
        """Return the `k` nearest neighbours of an item, with their similarities."""
        row = self._model.similar.bounds(item)
        return Ranking(self._model.similar.indices[row][:k], self._model.similarity[row][:k])

    def scores(self, basis: Basis, items: Array) -> Array:
        """Return the score of each of some items (float32), 0 where nothing speaks of it."""
        touched, amounts, _ = self._terms(basis)
        total = self._sum(touched, amounts)
        found: Array = total.take(items)
        self._clear(total, touched)
        return found

    def explain(self, basis: Basis, items: Sequence[int]) -> list[list[Contribution]]:
        """Return for each of some items all that adds up to its score, in the order of `basis`."""
        terms = self._terms(basis)
        order = np.argsort(terms.items, kind="stable")
        sources = np.repeat(np.array(basis.items, np.intp), terms.lengths)[order]
        amounts, targets = terms.amounts[order], terms.items[order]
        firsts = np.searchsorted(targets, items, "left").tolist()
        ends = np.searchsorted(targets, items, "right").tolist()
        return [
            list(map(Contribution, sources[first:end].tolist(), amounts[first:end].tolist()))
            for first, end in zip(firsts, ends, strict=True)
        ]

    def _terms(self, basis: Basis) -> _Terms:
        ends, neighbours, similarity = self._ends, self._neighbours, self._similarity
        rows = [slice(ends[item - 1] if item else 0, ends[item]) for item in basis.items]
        lengths = [row.stop - row.start for row in rows]
        items = np.frombuffer(
            b"".join([neighbours[row] for row in rows]), self._model.similar.indices.dtype
        )
        amounts = np.frombuffer(b"".join([similarity[row] for row in rows]), np.float32)
        if basis.weights is not None:
            amounts = amounts * basis.weights.repeat(lengths)
        return _Terms(items.astype(np.intp), amounts, lengths)  # once: numpy indexes by intp

    def _sum(self, items: Array, amounts: Array) -> Array:
        """Return an array with a place for each item, and the terms added up in it."""
        try:
            total = self._accumulators.pop()
        except IndexError:
            total = np.zeros(self._model.n_items, np.float32)
        np.add.at(total, items, amounts)  # one after another, as floats must be added up
        return total

    def _clear(self, total: Array, items: Array) -> None:
        """Make zeros of it again, for the next call."""
        if self._are_few(items):
            total[items] = 0
        else:
            total.fill(0)
        self._accumulators.append(total)

    def _are_few(self, items: Array) -> bool:
        """Whether it is quicker to look at each of these than at all that the model has."""
        return len(items) * _MANY < self._model.n_items


def best(scores: Array, k: int) -> Array:
    """Return the places of the `k` highest of the positive scores; of equal ones the first."""
    least = _at_most_kth(scores, k)
    places = (scores >= least if least > 0 else scores > 0).nonzero()[0]
    order = (-scores.take(places)).argsort(kind="stable")[:k]
    found: Array = places.take(order)
    return found


def _at_most_kth(scores: Array, k: int) -> float:
    """Return a bound that at least `k` scores reach, and that not many more do.

    Of groups of scores, `k` have a maximum that is as high as the k-th highest maximum.
    """
    groups = max(4 * k, 512)
    length = len(scores) // groups
    if length < 2:
        return 0.0
    highest = np.maximum.reduce(scores[: groups * length].reshape(length, groups))
    highest.partition(groups - k)
    return float(highest[groups - k])
