"""Rankings of items: a user's scores are a weighted sum of a few sparse rows.

Items are indices here; the API versions turn them into ids and titles.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from modelsystem_scorer.engine.accumulator import Accumulator
from modelsystem_shared.numeric.arrays import Float32s
from modelsystem_shared.numeric.model import Model


class Basis(NamedTuple):
    """The items that an answer builds on, and their weights.

    items: ascending, each once, so that floats add up the same in whatever order they came.
    weights: float32, one for each item; None if all are 1.
    """

    items: list[int]
    weights: Float32s | None = None


class Ranking(NamedTuple):
    """Items, best first, and the score of each.

    is_fallback: they are ranked by trend, since the basis is uninformative.
    """

    items: list[int]
    scores: list[float]
    is_fallback: bool = False


class Contribution(NamedTuple):
    """What one item of the basis adds to the score of another item."""

    item: int
    share: float


class Recommender:
    """Ranks the items of one model; threads can share it, and forked processes its memory."""

    def __init__(self, model: Model) -> None:
        """Sort the items by trend, once for all threads and processes."""
        self._model = model
        self.by_trend = np.argsort(-model.trend, kind="stable")
        self._accumulator = Accumulator(model.similar, model.similarity)

    def recommend(
        self, basis: Basis, k: int, excluded: list[int], candidates: list[int] | None = None
    ) -> Ranking:
        """Return the `k` items with the highest scores.

        An item's score is the sum, in float32 and in the order of `basis`, of its similarities to
        the items of `basis`, each times that item's weight. Only items with a positive score are
        ranked, and only `candidates` (ascending) if given; equal scores are ranked by index. If
        `basis` is uninformative, trending items are returned.
        """
        items, scores = self._accumulator.best(basis.items, basis.weights, k, excluded, candidates)
        if items or self.is_informative(basis):
            return Ranking(items, scores)
        return self.trending(k, excluded, candidates)

    def is_informative(self, basis: Basis) -> bool:
        """Whether some item of `basis` is similar to any item, whatever is excluded or asked for.

        It depends on the basis alone, so that rankings and scores agree on who gets the fallback.
        """
        rows = map(self._model.similar.bounds, basis.items)
        return any((self._model.similarity[row] > 0).any() for row in rows)

    def trending(self, k: int, excluded: list[int], candidates: list[int] | None = None) -> Ranking:
        """Return the `k` items with the highest trend, scored by it."""
        if candidates is None:
            head = self.by_trend[: k + len(excluded)]
        else:
            unsorted = np.array(candidates, np.intp)
            head = unsorted[np.argsort(-self._model.trend[unsorted], kind="stable")]
        items = head[np.isin(head, np.array(excluded, np.intp), invert=True)][:k].tolist()
        return Ranking(items, self.trend(items), is_fallback=True)

    def trend(self, items: list[int]) -> list[float]:
        """Return for each item the share of users who chose it; late choices count most."""
        shares: list[float] = self._model.trend[items].tolist()
        return shares

    def similar(self, item: int, k: int) -> Ranking:
        """Return the `k` nearest neighbours of an item, with their similarities."""
        row = self._model.similar.bounds(item)
        items, similarity = self._model.similar.indices[row], self._model.similarity[row]
        return Ranking(items[:k].tolist(), similarity[:k].tolist())

    def scores(self, basis: Basis, items: list[int]) -> list[float]:
        """Return the score of each item; 0 if it is similar to no item of `basis`."""
        return self._accumulator.scores(basis.items, basis.weights, items)

    def explain(self, basis: Basis, items: list[int]) -> list[list[Contribution]]:
        """Return for each item the contributions to its score, in the order of `basis`."""
        contributions: dict[int, list[Contribution]] = {item: [] for item in items}
        for source, target, amount in self._terms(basis, items):
            contributions[target].append(Contribution(source, amount))
        return [contributions[item] for item in items]

    def _terms(self, basis: Basis, items: list[int]) -> Iterator[tuple[int, int, float]]:
        """Yield (source, target, amount) for each term of the scores of `items`."""
        is_target = np.zeros(self._model.n_items, bool)
        is_target[items] = True
        for place, source in enumerate(basis.items):
            row = self._model.similar.bounds(source)
            neighbours = self._model.similar.indices[row]
            hits = is_target[neighbours].nonzero()[0]
            amounts = self._model.similarity[row][hits]
            if basis.weights is not None:
                amounts = amounts * basis.weights[place]
            for target, amount in zip(neighbours[hits].tolist(), amounts.tolist(), strict=True):
                yield source, target, amount
