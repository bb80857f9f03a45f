"""What sends requests to the builds of a namespace: routes, Ingresses and Services."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from modelsystem_release.cluster.objects import KubernetesObject, condition, name_of, release_of
from modelsystem_release.cluster.target import Target

_JUDGEMENT = 15.0  # seconds: a Gateway has judged a changed route within six, as recorded
_OWN_KINDS = "deployments,services,ingresses.networking.k8s.io"
_HTTPROUTES = "httproutes.gateway.networking.k8s.io"
_ISTIO = ("virtualservices.networking.istio.io", "destinationrules.networking.istio.io")
Labels = dict[str, str]


@dataclass(frozen=True)
class Reference:
    """An object that sends requests to a build's site.

    release: the build's Helm release. source: kind and name of the object.
    owner: the Helm release that made the object; empty if none did.
    """

    release: str
    source: str
    owner: str


@dataclass(frozen=True)
class _Backend:
    """A Service that a route names; `labels` narrow its pods, as a subset of Istio does."""

    service: str
    labels: Labels
    is_subset: bool = False


def references(target: Target) -> list[Reference]:
    """Return everything in the namespace that sends requests to a build.

    Raises:
        ServiceError: the cluster has such objects, and they cannot be read.

    """
    things = target.get(_OWN_KINDS)
    for kind in (_HTTPROUTES, *_ISTIO):  # one by one: a cluster may have only some of the kinds
        things += target.get_if_served(kind)
    return references_among(things, target.namespace)


def route_faults(target: Target, release: str) -> list[str]:
    """Return why a Gateway does not use the HTTPRoutes that a Helm release made.

    Waits for up to 15 s until a Gateway has judged them.

    Raises:
        ServiceError: the routes cannot be read.

    """
    until = time.monotonic() + _JUDGEMENT
    while True:
        routes = [r for r in target.get_if_served(_HTTPROUTES) if release_of(r) == release]
        if all(map(_is_judged, routes)) or time.monotonic() >= until:
            return [fault for route in routes for fault in refusals(route)]
        time.sleep(1)


def refusals(route: KubernetesObject) -> list[str]:
    """Return why a Gateway does not use an HTTPRoute; empty if all use it."""
    name = f"HTTPRoute {name_of(route)}"
    parents: list[KubernetesObject] = route.get("status", {}).get("parents", [])
    if not parents:
        return [f"{name}: no Gateway has accepted it"]
    return [
        f"{name}: {refused['type']} is False: {refused['reason']}: {refused['message']}"
        for parent in parents
        for kind in ("Accepted", "ResolvedRefs")
        if (refused := condition({"status": parent}, kind, "False"))
    ]


def _is_judged(route: KubernetesObject) -> bool:
    generation = route["metadata"].get("generation", 0)
    conditions = [
        judged
        for parent in route.get("status", {}).get("parents", [])
        for judged in parent.get("conditions", [])
    ]
    seen = [judged.get("observedGeneration", generation) >= generation for judged in conditions]
    return bool(seen) and all(seen)


def references_among(things: Sequence[KubernetesObject], namespace: str) -> list[Reference]:
    """Return the references among a namespace's Deployments, Services and routes."""
    of_kind: dict[str, list[KubernetesObject]] = defaultdict(list)
    for thing in things:
        of_kind[thing["kind"]].append(thing)
    services = {name_of(service): service for service in of_kind["Service"]}
    routes = [*of_kind["HTTPRoute"], *of_kind["Ingress"], *of_kind["VirtualService"]]
    subsets = _subsets(of_kind["DestinationRule"], namespace)
    once: dict[Reference, None] = {}  # each once, in order
    divided: set[str] = set()  # Services whose requests a VirtualService divides
    for route in routes:
        for backend in _backends(route, namespace, subsets):
            divided |= {backend.service} if backend.is_subset else set()
            selector = _selector(services.get(backend.service, {}))
            if selector:
                labels = selector | backend.labels
                once |= dict.fromkeys(_of_pods(route, labels, of_kind["Deployment"]))
    for name, service in services.items():
        if name not in divided and (selector := _selector(service)):
            for reference in _of_pods(service, selector, of_kind["Deployment"]):
                if reference.owner != reference.release:  # a build's own Service
                    once[reference] = None
    return list(once)


def _of_pods(
    source: KubernetesObject, selector: Labels, deployments: Sequence[KubernetesObject]
) -> Iterator[Reference]:
    """Yield a reference to each build whose pods have the labels."""
    text = f"{source['kind']} {name_of(source)}"
    for deployment in deployments:
        labels = deployment["spec"]["template"].get("metadata", {}).get("labels") or {}
        if selector.items() <= labels.items():
            yield Reference(release_of(deployment), text, release_of(source))


def _backends(
    route: KubernetesObject, namespace: str, subsets: dict[tuple[str, str], Labels]
) -> Iterator[_Backend]:
    """Yield the Services of this namespace that a route names, for mirrors as well."""
    for key, value in _members(route["spec"]):
        if not isinstance(value, dict):
            continue
        if key in ("backendRef", "backendRefs"):
            is_here = value.get("namespace", namespace) == namespace
            if is_here and value.get("kind", "Service") == "Service":
                yield _Backend(value["name"], {})
        elif key == "service" and "name" in value:  # of an Ingress
            yield _Backend(value["name"], {})
        elif key in ("destination", "mirror") and "host" in value:  # of a VirtualService
            service, subset = _service(value["host"], namespace), value.get("subset", "")
            yield _Backend(service, subsets.get((service, subset), {}), bool(subset))


def _members(value: object, key: str = "") -> Iterator[tuple[str, object]]:
    """Yield every member of a JSON value with its key; a list's items have the list's key."""
    yield key, value
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _members(member, name)
    elif isinstance(value, list):
        for item in value:
            yield from _members(item, key)


def _subsets(rules: Sequence[KubernetesObject], namespace: str) -> dict[tuple[str, str], Labels]:
    """Return the labels of each subset, by the Service and the subset's name."""
    return {
        (_service(rule["spec"]["host"], namespace), subset["name"]): subset.get("labels", {})
        for rule in rules
        for subset in rule["spec"].get("subsets", [])
    }


def _service(host: str, namespace: str) -> str:
    """Return the Service of this namespace that a host is; empty if it is none."""
    name, *rest = host.split(".")
    return name if not rest or rest[0] == namespace else ""


def _selector(service: KubernetesObject) -> Labels:
    return service.get("spec", {}).get("selector") or {}
