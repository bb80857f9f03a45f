"""From what somebody chose to what they may like: a sum of a few sparse rows.

Everything here is an index of an item; ids and titles are the business of `answers`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelsystem_shared.model import Array, Model


@dataclass(frozen=True)
class Ranking:
    """Items (integers), best first, with their scores (floats), equally many of each."""

    items: Array
    scores: Array
    is_fallback: bool = False


class Recommender:
    """Ranks items of one model; threads may share it, and forked processes its memory."""

    def __init__(self, model: Model) -> None:
        """Sort the items by popularity, once for all threads and processes."""
        self._model = model
        self._most_popular = np.argsort(-model.popularity.astype(np.int64), kind="stable")
        # Zeros, one array for each call at a time: a fresh one for every call costs more than
        # the sum. A call that fails keeps its array to itself, so that none comes back soiled.
        self._accumulators: list[Array] = []

    def recommend(self, basis: Sequence[int], k: int, excluded: Sequence[int]) -> Ranking:
        """Return the `k` best items for who chose the items of `basis`.

        An item's score is the sum, in float32 and in the order of `basis`, of its
        similarities to the items of `basis`. Only items with a positive score are ranked,
        equal ones by index. When there is none, the most popular ones stand in.
        """
        ranking = best(*self._scored(basis, excluded), k)
        return ranking if len(ranking.items) else self.popular(k, excluded)

    def popular(self, k: int, excluded: Sequence[int]) -> Ranking:
        """Return the `k` most popular items; the score is the share of users who chose it."""
        head = self._most_popular[: k + len(excluded)]
        items = head[np.isin(head, np.array(excluded, np.intp), invert=True)][:k]
        shares = self._model.popularity[items] / max(1, len(self._model.users))
        return Ranking(items, shares, is_fallback=True)

    def similar(self, item: int, k: int) -> Ranking:
        """Return the `k` nearest neighbours of an item, with their similarities."""
        row = self._model.similar.bounds(item)
        return Ranking(self._model.similar.indices[row][:k], self._model.similarity[row][:k])

    def _scored(self, basis: Sequence[int], excluded: Sequence[int]) -> tuple[Array, Array]:
        """Return the items (intp, ascending) with a score that is not 0, and the scores."""
        similar, similarity = self._model.similar, self._model.similarity
        total = self._zeros()
        for item in basis:
            row = similar.bounds(item)
            neighbours = similar.indices[row].astype(np.intp)  # once: `+=` indexes twice
            total[neighbours] += similarity[row]  # no neighbour is twice in a row
        total[excluded] = 0
        touched = np.flatnonzero(total != 0)  # ten times as fast as of the floats themselves
        scores = total[touched]
        total[touched] = 0
        self._accumulators.append(total)
        return touched, scores

    def _zeros(self) -> Array:
        try:
            return self._accumulators.pop()
        except IndexError:
            return np.zeros(self._model.n_items, np.float32)


def best(items: Array, scores: Array, k: int) -> Ranking:
    """Rank the `k` highest of the positive scores, equal ones in the order of `items`."""
    least = np.partition(scores, -k)[-k] if len(scores) > k else 0
    kept = (scores > 0) & (scores >= least)
    items, scores = items[kept], scores[kept]
    order = np.argsort(-scores, kind="stable")[:k]
    return Ranking(items[order], scores[order])
