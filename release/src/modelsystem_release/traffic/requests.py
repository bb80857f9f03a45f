"""Whether the cluster sends a build the requests that the weights promise."""

from collections.abc import Iterator, Sequence

from modelsystem_release import cluster
from modelsystem_release.cluster import Reference, Target
from modelsystem_release.judging import Check
from modelsystem_release.traffic.promotion import route_faults
from modelsystem_release.traffic.routing import Routing


def route_checks(routing: Routing, target: Target, build: str) -> list[Check]:
    """Compare what sends requests to a build with its weight; nothing if the weights are in a file.

    Raises:
        ServiceError: the routes cannot be read.

    """
    if not routing.release:
        return []
    release = target.release(build)
    sources = [known for known in cluster.references(target) if known.release == release]
    weight = routing.weights().get(build)
    is_listed = weight is not None or build in routing.listed()
    checks = [*compared(sources, routing.release, weight or 0, is_listed)]
    if weight:
        faults = route_faults(routing, target)
        checks.append(Check("route's conditions", not faults, "; ".join(faults) or "good"))
    return checks


def compared(
    sources: Sequence[Reference], routing: str, weight: int, is_listed: bool
) -> Iterator[Check]:
    """Yield the checks of a build's references.

    routing: the routing release. weight: per cent. is_listed: whether that release names the build.
    """
    own = [known.source for known in sources if known.owner == routing]
    others = [known.source for known in sources if known.owner != routing]
    names = ", ".join(own) or "nothing"
    promise = f"{weight} % by release {routing}" if is_listed else f"not in release {routing}"
    is_kept = bool(own) if weight else is_listed or not own
    yield Check("requests", is_kept, f"{promise}, sent by {names}")
    if others:
        yield Check("other requests", True, f"also sent by {', '.join(others)}")
