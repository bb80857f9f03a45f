"""Figures of lists of ids that need no held-out items; `numeric.exposure` defines them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from modelsystem_release.cluster import Popularity
from modelsystem_shared.numeric import exposure
from modelsystem_shared.numeric.arrays import Float64s, Indices
from modelsystem_shared.numeric.ranking import K

Items = tuple[str, ...]


@dataclass(frozen=True)
class Catalogue:
    """The items by which lists are measured.

    places: of items, by their ids, from 0 and below `n_items`.
    bits: the self-information of each item; None if it is not known how many users chose it.
    """

    places: Mapping[str, int]
    n_items: int
    bits: Float64s | None = None

    @classmethod
    def of(cls, popularity: Popularity) -> "Catalogue":
        """Return the items that a site tells, with their self-information."""
        counts = np.fromiter(popularity.counts.values(), np.int64, len(popularity.counts))
        places = {item: place for place, item in enumerate(popularity.counts)}
        bits = exposure.self_information(counts, popularity.users)
        return cls(places, len(places), bits)

    @classmethod
    def seen_in(cls, lists: Sequence[Items], n_items: int) -> "Catalogue":
        """Return the items of some lists, of `n_items` of which nothing else is known."""
        places = {item: place for place, item in enumerate(dict.fromkeys(chain(*lists)))}
        return cls(places, max(n_items, len(places)))

    def coverage(self, lists: Sequence[Items]) -> float:
        """Return the share of the items that is among the first K of any list."""
        return exposure.coverage(self._shown(lists), self.n_items)

    def novelty(self, lists: Sequence[Items]) -> Float64s | None:
        """Return the novelty of the first K items of each list, if it can be known."""
        return None if self.bits is None else exposure.novelty(self._shown(lists), self.bits)

    def _shown(self, lists: Sequence[Items]) -> Indices:
        """Return lists × K places; -1 for an item that is not in the catalogue."""
        shown = np.full((len(lists), K), -1, np.int64)
        for row, items in enumerate(lists):
            shown[row, : len(items[:K])] = [self.places.get(item, -1) for item in items[:K]]
        return shown


def overlap(lists: Sequence[Items], others: Sequence[Items]) -> float:
    """Return the mean share of their first K items that two lists for a question have in common."""
    shares = [
        len({*items[:K]} & {*other[:K]}) / max(len(items[:K]), len(other[:K]), 1)
        for items, other in zip(lists, others, strict=True)
    ]
    return sum(shares) / len(shares) if shares else 0.0
