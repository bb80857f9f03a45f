"""Whole per cents that add up to 100."""

from collections.abc import Set

from modelsystem_release.traffic.changes import Weights
from modelsystem_shared.errors import UsageError


def with_share(weights: Weights, build: str, share: int, listed: Set[str] = frozenset()) -> Weights:
    """Give `build` a share, and the rest to the others in proportion to their weights.

    Builds whose weight becomes 0 are taken off the list, except `listed`.

    Raises:
        UsageError: no other build can have the rest.

    """
    others = {name: weight for name, weight in weights.items() if weight and name != build}
    if not others and share < 100:
        raise UsageError("no other build has traffic: only --steps 100 is possible")
    total, rest = sum(others.values()), 100 - share
    exact = {name: weight * rest / total for name, weight in others.items()}
    shares = {name: int(value) for name, value in exact.items()} | {build: share}
    by_remainder = sorted(exact, key=lambda name: shares[name] - exact[name])
    for name in by_remainder[: 100 - sum(shares.values())]:
        shares[name] += 1
    order = [*weights, *([] if build in weights else [build])]
    return {name: shares.get(name, 0) for name in order if shares.get(name) or name in listed}
