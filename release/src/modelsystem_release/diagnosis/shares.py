"""What a build gets of the traffic, by the weights of its tenant's routing releases."""

from collections.abc import Sequence
from dataclasses import dataclass

from modelsystem_release.traffic import Routing


@dataclass(frozen=True)
class TrafficShare:
    """A build's part in the routing.

    weight: per cent; None if no routing release lists the build. is_champion: it has most.
    reasons: why it is listed without a weight, such as `is mirrored to`.
    """

    weight: int | None = None
    is_champion: bool = False
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"{self.weight} %"] if self.weight else []
        parts += ["champion"] if self.is_champion else []
        parts += [_SHORT.get(reason, reason) for reason in self.reasons]
        return ", ".join(parts)


_SHORT = {"is mirrored to": "mirrored", "is kept for testers": "testers"}


def traffic_share(routings: Sequence[Routing], build: str) -> TrafficShare:
    """Return a build's share; with several routing releases, the largest weight."""
    weights = [weight for r in routings if (weight := r.weights().get(build)) is not None]
    reasons = [reason for r in routings if (reason := r.listed().get(build))]
    is_champion = any(routing.champion() == build for routing in routings)
    return TrafficShare(max(weights, default=None), is_champion, tuple(dict.fromkeys(reasons)))
