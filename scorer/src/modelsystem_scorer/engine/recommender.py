"""From what somebody chose to what they may like: a sum of a few sparse rows.

Everything here is an index of an item; ids and titles are the business of `answers`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from modelsystem_scorer.engine.accumulator import Accumulator
from modelsystem_shared.arrays import Array
from modelsystem_shared.model import Model


@dataclass(frozen=True)
class Basis:
    """What an answer builds on: items, ascending, each once; `weights` (float32), None for ones.

    Ascending, so that floats add up the same in whatever order the items were given.
    """

    items: list[int]
    weights: Array | None = None


@dataclass(frozen=True)
class Ranking:
    """Items, best first, with their scores, equally many of each."""

    items: list[int]
    scores: list[float]
    is_fallback: bool = False


class Contribution(NamedTuple):
    """What one item of the basis adds to the score of another item."""

    item: int
    share: float


class Recommender:
    """Ranks items of one model; threads may share it, and forked processes its memory."""

    def __init__(self, model: Model) -> None:
        """Sort the items by popularity, once for all threads and processes."""
        self._model = model
        self.by_popularity = np.argsort(-model.trend, kind="stable")
        self._accumulator = Accumulator(model.similar, model.similarity)

    def recommend(
        self, basis: Basis, k: int, excluded: list[int], candidates: list[int] | None = None
    ) -> Ranking:
        """Return the `k` best items for who chose the items of `basis`.

        An item's score is the sum, in float32 and in the order of `basis`, of its
        similarities to the items of `basis`, each times its weight. Only items with a positive
        score are ranked, and only `candidates` (ascending) where given; equal ones by index.
        When there is none, the most popular ones stand in.
        """
        items, scores = self._accumulator.best(basis.items, basis.weights, k, excluded, candidates)
        return Ranking(items, scores) if items else self.popular(k, excluded, candidates)

    def popular(self, k: int, excluded: list[int], candidates: list[int] | None = None) -> Ranking:
        """Return the `k` items that are most popular lately, scored by `popularity`."""
        if candidates is None:
            head = self.by_popularity[: k + len(excluded)]
        else:
            among = np.array(candidates, np.intp)
            head = among[np.argsort(-self._model.trend[among], kind="stable")]
        items = head[np.isin(head, np.array(excluded, np.intp), invert=True)][:k].tolist()
        return Ranking(items, self.popularity(items), is_fallback=True)

    def popularity(self, items: list[int]) -> list[float]:
        """Return the share of users who chose each item, late ones counting most."""
        shares: list[float] = self._model.trend[items].tolist()
        return shares

    def similar(self, item: int, k: int) -> Ranking:
        """Return the `k` nearest neighbours of an item, with their similarities."""
        row = self._model.similar.bounds(item)
        items, similarity = self._model.similar.indices[row], self._model.similarity[row]
        return Ranking(items[:k].tolist(), similarity[:k].tolist())

    def scores(self, basis: Basis, items: list[int]) -> list[float]:
        """Return the score of each of some items, 0 where nothing speaks of it."""
        return self._accumulator.scores(basis.items, basis.weights, items)

    def explain(self, basis: Basis, items: list[int]) -> list[list[Contribution]]:
        """Return for each of some items all that adds up to its score, in the order of `basis`."""
        found: dict[int, list[Contribution]] = {item: [] for item in items}
        for source, target, amount in self._terms(basis, items):
            found[target].append(Contribution(source, amount))
        return [found[item] for item in items]

    def _terms(self, basis: Basis, items: list[int]) -> Iterator[tuple[int, int, float]]:
        """Yield of the terms of all scores those of `items`: who adds how much to whose score."""
        are_wanted = np.zeros(self._model.n_items, bool)
        are_wanted[items] = True
        for place, source in enumerate(basis.items):
            row = self._model.similar.bounds(source)
            targets = self._model.similar.indices[row]
            hits = are_wanted[targets].nonzero()[0]
            amounts = self._model.similarity[row][hits]
            if basis.weights is not None:
                amounts = amounts * basis.weights[place]
            for target, amount in zip(targets[hits].tolist(), amounts.tolist(), strict=True):
                yield source, target, amount
