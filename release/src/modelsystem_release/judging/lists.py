"""How good lists are: the trainer's definitions, on ids instead of places.

Recall@20 is the share of the wanted items among the first 20; NDCG@20 has binary gains, and its
ideal is over min(20, wanted) items. Both are means over questions.
"""

import math
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

K = 20
List = tuple[str, ...]


def recall(shown: List, wanted: AbstractSet[str]) -> float:
    """Return the Recall@20 of one list."""
    return sum(item in wanted for item in shown[:K]) / max(len(wanted), 1)


def ndcg(shown: List, wanted: AbstractSet[str]) -> float:
    """Return the NDCG@20 of one list (Järvelin and Kekäläinen 2002, binary gains)."""
    gained = sum(_discount(place) for place, item in enumerate(shown[:K]) if item in wanted)
    ideal = sum(map(_discount, range(min(len(wanted), K))))
    return gained / ideal if ideal else 0.0


def coverage(lists: Iterable[List], n_items: int) -> float:
    """Return the share of all items that are in any list."""
    return len({item for shown in lists for item in shown[:K]}) / n_items if n_items else 0.0


def overlap(ours: Sequence[List], theirs: Sequence[List]) -> float:
    """Return the mean share of items that two lists for the same question have in common."""
    shares = [
        len({*one[:K]} & {*other[:K]}) / max(len(one[:K]), len(other[:K]), 1)
        for one, other in zip(ours, theirs, strict=True)
    ]
    return sum(shares) / len(shares) if shares else 0.0


def _discount(place: int) -> float:
    return 1 / math.log2(place + 2)
