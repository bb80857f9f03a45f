"""The routing releases of a namespace: those of the routing chart, whatever their names."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from modelsystem_release import cluster, naming
from modelsystem_release.cluster import ListedRelease
from modelsystem_release.traffic.routing import Routing
from modelsystem_release.traffic.stores import ReadStore, ReleaseStore
from modelsystem_shared.errors import UsageError


def routing_stores(
    listed: Sequence[ListedRelease], namespace: str, tenant: str, chart: Path
) -> Iterator[ReleaseStore]:
    """Yield a store for each routing release of a tenant, among Helm's releases."""
    for release in listed:
        if release["chart"].startswith(f"{naming.ROUTING}-"):
            store = ReleaseStore(release["name"], namespace, chart)
            if str(cluster.values(store.name, namespace).get("tenant") or "") == tenant:
                yield store


def read_routings(listed: Sequence[ListedRelease], namespace: str) -> dict[str, list[Routing]]:
    """Return the weights of each routing release, read once, by their tenant."""
    by_tenant: dict[str, list[Routing]] = defaultdict(list)
    for release in listed:
        if release["chart"].startswith(f"{naming.ROUTING}-"):
            values = cluster.values(release["name"], namespace)
            routing = Routing(ReadStore(release["name"], values))
            by_tenant[str(values.get("tenant") or "")].append(routing)
    return by_tenant


def routing_store(namespace: str, tenant: str, chart: Path) -> ReleaseStore:
    """Return the only routing release of a tenant; without one, that of a first installation.

    Raises:
        UsageError: there is more than one.

    """
    stores = [*routing_stores(cluster.releases(namespace), namespace, tenant, chart)]
    if len(stores) > 1:
        names = ", ".join(store.name for store in stores)
        raise UsageError(f"namespace {namespace} has the routing releases {names}: use --routing")
    return stores[0] if stores else ReleaseStore(naming.routing(tenant), namespace, chart)
