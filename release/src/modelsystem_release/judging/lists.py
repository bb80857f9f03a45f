"""Figures of lists of ids that need no held-out items; see `modelsystem_shared.numeric.ranking`."""

from collections.abc import Iterable, Sequence

from modelsystem_shared.numeric.ranking import K

Items = tuple[str, ...]


def coverage(lists: Iterable[Items], n_items: int) -> float:
    """Return the share of all items that is in any list's first K places."""
    return len({item for items in lists for item in items[:K]}) / n_items if n_items else 0.0


def overlap(lists: Sequence[Items], others: Sequence[Items]) -> float:
    """Return the mean share of their first K items that two lists for a question have in common."""
    shares = [
        len({*items[:K]} & {*other[:K]}) / max(len(items[:K]), len(other[:K]), 1)
        for items, other in zip(lists, others, strict=True)
    ]
    return sum(shares) / len(shares) if shares else 0.0
