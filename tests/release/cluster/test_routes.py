"""What sends requests to builds, among a namespace's objects."""

from typing import Any

import pytest
from tests.release.fake_cluster import deployment, service
from tests.release.recorded import recorded

from modelsystem_release.cluster.routes import references_among, refusals

BUILDS = ("101", "120", "130")
SITES = [thing for build in BUILDS for thing in (deployment(build), service(build))]
OWNED = {"app.kubernetes.io/instance": "traffic"}


def referred(*routes: dict[str, Any], namespace: str = "models") -> set[tuple[str, str]]:
    """Return which releases are referred to, and by what."""
    references = references_among([*SITES, *routes], namespace)
    return {(reference.release, reference.source) for reference in references}


def virtual_service(host: str, subset: str = "") -> list[dict[str, Any]]:
    """Return Istio's objects that send everything to a host, and a subset of it."""
    destination = {"host": host} | ({"subset": subset} if subset else {})
    return [
        {
            "kind": "VirtualService",
            "metadata": {"name": "mesh", "labels": OWNED},
            "spec": {"http": [{"route": [{"destination": destination, "weight": 100}]}]},
        },
        {
            "kind": "DestinationRule",
            "metadata": {"name": "mesh"},
            "spec": {"host": "scoring", "subsets": [{"name": "b", "labels": {"version": "120"}}]},
        },
        {
            "kind": "Service",
            "metadata": {"name": "scoring", "labels": OWNED},
            "spec": {"selector": {"app.kubernetes.io/component": "scorer"}},
        },
    ]


def test_a_build_alone_has_no_reference() -> None:
    """Its own Service is none."""
    assert referred() == set()


def test_httproutes_of_a_real_gateway() -> None:
    """Backends and mirrors, by hand and by a release; not those elsewhere or of another kind."""
    routes = {route["metadata"]["name"]: route for route in recorded("httproutes")}
    good = referred(routes["route-good"])
    assert good == {
        ("mlrelease-101", "HTTPRoute route-good"), ("mlrelease-120", "HTTPRoute route-good")
    }  # fmt: skip
    mirror = referred(routes["route-mirror"])
    assert ("mlrelease-120", "HTTPRoute route-mirror") in mirror
    assert referred(routes["route-backend-kind"], routes["route-other-namespace"]) == set()
    (reference, *_) = references_among([*SITES, routes["route-good"]], "models")
    assert reference.owner == "routing"


@pytest.mark.parametrize(
    "host", ["scoring-120", "scoring-120.models", "scoring-120.models.svc.cluster.local"]
)
def test_a_virtual_service_by_host(host: str) -> None:
    """Short and long names of a Service."""
    routes = virtual_service(host)[:1]
    assert referred(*routes) == {("mlrelease-120", "VirtualService mesh")}
    assert referred(*routes, namespace="other") == (
        {("mlrelease-120", "VirtualService mesh")} if "." not in host else set()
    )


def test_a_virtual_service_by_subset() -> None:
    """Only the subset's build; the Service that the mesh divides refers to none by itself."""
    assert referred(*virtual_service("scoring", "b")) == {("mlrelease-120", "VirtualService mesh")}


def test_an_unknown_subset_is_every_pod_of_its_service() -> None:
    """Too many builds stay rather than one too few."""
    releases = {release for release, _ in referred(*virtual_service("scoring", "absent"))}
    assert releases == {f"mlrelease-{build}" for build in BUILDS}


def test_a_service_by_its_selector() -> None:
    """Whoever made it, whatever labels it selects."""
    by_version = {
        "kind": "Service", "metadata": {"name": "main"}, "spec": {"selector": {"version": "130"}}
    }  # fmt: skip
    without = {"kind": "Service", "metadata": {"name": "external"}, "spec": {"selector": None}}
    assert referred(by_version, without) == {("mlrelease-130", "Service main")}


def test_an_ingress() -> None:
    """Its rules and its default."""
    backend = {"service": {"name": "scoring-101", "port": {"number": 80}}}
    ingress = {
        "kind": "Ingress",
        "metadata": {"name": "web"},
        "spec": {"rules": [{"http": {"paths": [{"path": "/", "backend": backend}]}}]},
    }
    default = {
        "kind": "Ingress", "metadata": {"name": "all"}, "spec": {"defaultBackend": backend}
    }  # fmt: skip
    assert referred(ingress, default) == {
        ("mlrelease-101", "Ingress web"), ("mlrelease-101", "Ingress all")
    }  # fmt: skip


REFUSALS = {
    "route-good": "",
    "route-mirror": "",  # a Gateway that cannot mirror says nothing: the chart looks at its class
    "route-backend-absent": "ResolvedRefs is False: BackendNotFound",
    "route-port-absent": "ResolvedRefs is False: BackendNotFound",
    "route-other-namespace": "ResolvedRefs is False: RefNotPermitted",
    "route-backend-kind": "ResolvedRefs is False: InvalidKind",
    "route-listener-absent": "Accepted is False: NoMatchingParent",
    "route-gateway-absent": "no Gateway has accepted it",
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_a_gateway_says_about_a_route(name: str) -> None:
    """Its conditions, as recorded."""
    (route,) = [route for route in recorded("httproutes") if route["metadata"]["name"] == name]
    expected = REFUSALS[name]
    assert bool(refusals(route)) == bool(expected)
    assert all(text.startswith(f"HTTPRoute {name}: {expected}") for text in refusals(route))
