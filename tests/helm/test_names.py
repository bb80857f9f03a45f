"""Names, labels and selectors, for build numbers of every kind."""

import json
import re

import pytest
from tests.helm import charts
from tests.helm.charts import CHARTS, ROUTING, VALUES, Manifest, Release, Render, pods, the

GUID = "1e8b7415-7c2e-e411-80bb-00155d5369ef"
BRANCH = "feature/A-rather-long-branch-name-of-60-characters-20180523"
NUMBERS = ["13", "115", "20180523.5", "20180523.10", BRANCH + ".1", "1e5", "a" * 100]
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
VALUE = re.compile(r"|[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
KEY = re.compile(
    r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)


def numbered(render: Render, number: str, tenant: str = "") -> Release:
    """Return the objects of a build."""
    tag = [f"{image}.tag=1" for image in ("image", "scoringimage", "waiterimage")]
    sets = (f"build.number={number}", f"env.TENANTID={tenant}", *tag)
    return render(VALUES / "production.yaml", sets=sets)


@pytest.mark.parametrize("tenant", ["", GUID, "Ä & Söhne"], ids=["no", "guid", "odd"])
@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:12].replace("/", "-"))
def test_names_and_labels_are_valid(render: Render, number: str, tenant: str) -> None:
    """Names are DNS labels, labels are labels, and the originals are kept in annotations."""
    for manifest in numbered(render, number, tenant):
        template = manifest.get("spec", {}).get("template", {}).get("metadata", {})
        for metadata in (manifest["metadata"], template):
            if "name" in metadata:
                assert LABEL.fullmatch(metadata["name"]), metadata["name"]
            for key, value in metadata.get("labels", {}).items():
                assert KEY.fullmatch(key)
                assert VALUE.fullmatch(value), value
            if metadata:
                assert metadata["annotations"]["modelsystem/build"] == number
                assert metadata["annotations"].get("modelsystem/tenant", "") == tenant


def test_names_are_the_seeds(render: Render) -> None:
    """Job, Deployment, Service and containers are called as in the system that came before."""
    build = numbered(render, "20180523.5", "acme")
    assert the(build, "Job")["metadata"]["name"] == "trainingjob-20180523-5-acme"
    assert the(build, "Deployment")["metadata"]["name"] == "scoring-deployment-20180523-5-acme"
    assert the(build, "Service")["metadata"]["name"] == "scoring-20180523-5-acme"
    names = [
        one["name"] for pod in ("trainer", "scorer") for one in charts.containers(pods(build)[pod])
    ]
    assert names == ["trainer", "waiter-container", "scorer"]


def test_different_builds_have_different_names(render: Render) -> None:
    """Builds and tenants that coexist share no name and no model folder."""
    wanted = [("20180523.5", ""), ("20180523.10", ""), ("20180523.1", ""), ("20180523.5", GUID),
              ("Main", ""), ("main", ""), (BRANCH + ".1", ""), (BRANCH + ".2", "")]  # fmt: skip
    builds = [numbered(render, *one) for one in wanted]
    for kind in ("Job", "Deployment", "Service", "ServiceAccount"):
        assert len({the(build, kind)["metadata"]["name"] for build in builds}) == len(wanted)
    folders = {env(build, "MODELFOLDER") for build in builds}
    assert len(folders) == len(wanted)
    assert len({folder.lower() for folder in folders}) == len(wanted)  # SMB has no case


def env(build: Release, name: str) -> str:
    """Return what the trainer is told."""
    [trainer] = charts.containers(pods(build)["trainer"])
    [value] = [one["value"] for one in trainer["env"] if one["name"] == name]
    return str(value)


def test_selectors_select_what_they_are_for(render: Render) -> None:
    """Every selector finds the pods of its own build and component, and of no other."""
    builds = [numbered(render, *one) for one in [("13", ""), ("13", GUID), ("13.1", "")]]
    everybody = [(b, component, pod) for b in builds for component, pod in pods(b).items()]
    aims = {"trainingjob": "trainer", "scoring": "scorer", "test": "test"}
    for build in builds:
        for manifest in build:
            for path, selector in selectors(manifest):
                aim = aims[manifest["metadata"]["name"].partition("-")[0]]
                if ".from[" in path:
                    aim = "test"
                if ".to[" in path:
                    aim = "scorer"
                found = [(b, c) for b, c, pod in everybody if matches(selector, pod)]
                assert found == [(build, aim)], (manifest["metadata"]["name"], path)


def selectors(manifest: Manifest) -> list[tuple[str, dict[str, str]]]:
    """Return all of an object's selectors of pods, with where they are."""
    found: dict[str, dict[str, str]] = {}
    for path, value in charts.leaves(manifest.get("spec", {})):
        for mark in (".matchLabels.", ".selector."):
            head, is_in, key = path.partition(mark)
            if is_in and "matchLabels" not in key and "namespaceSelector" not in head:
                found.setdefault(head, {})[key] = value
    return list(found.items())


def matches(selector: dict[str, str], pod: Manifest) -> bool:
    """Whether a pod carries all labels."""
    return selector.items() <= pod["metadata"]["labels"].items()


def test_monitors_find_the_service(render: Render) -> None:
    """The ServiceMonitor selects the Service by labels that it has, at a port that it has."""
    build = numbered(render, "13")
    service, monitor = the(build, "Service"), the(build, "ServiceMonitor")
    assert matches(monitor["spec"]["selector"]["matchLabels"], service)
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    scorer = charts.containers(pods(build)["scorer"])[-1]
    assert service["spec"]["ports"][0]["targetPort"] == scorer["ports"][0]["name"]
    assert (service["spec"]["ports"][0]["port"], scorer["ports"][0]["containerPort"]) == (80, 3000)


@pytest.mark.parametrize("tenant", ["", GUID])
def test_routes_find_builds(render: Render, tenant: str) -> None:
    """What the routing selects by is what the site's pods and Services really carry."""
    numbers = ["20180523.10", BRANCH]
    sites = [numbered(render, number, tenant) for number in numbers]
    stranger = numbered(render, numbers[0], "stranger")
    split = "builds=" + json.dumps([{"number": number, "weight": 50} for number in numbers])

    def routed(provider: str) -> Release:
        sets = (f"tenant={tenant}", f"provider={provider}", "gateway.parentRefs[0].name=public")
        return render(chart="modelsystem-routing", sets=sets, json=split)

    backends = the(routed("gateway"), "HTTPRoute")["spec"]["rules"][-1]["backendRefs"]
    assert [one["name"] for one in backends] == [
        the(site, "Service")["metadata"]["name"] for site in sites
    ]
    stable = the(routed("istio"), "Service")["spec"]["selector"]
    assert all(matches(stable, pods(site)["scorer"]) for site in sites)
    assert not matches(stable, pods(stranger)["scorer"])
    assert not matches(stable, pods(sites[0])["trainer"])
    for subset, site in zip(
        the(routed("istio"), "DestinationRule")["spec"]["subsets"], sites, strict=True
    ):
        found = [other for other in sites if matches(subset["labels"], pods(other)["scorer"])]
        assert found == [site]


def test_the_plain_service_selects_one_build(render: Render) -> None:
    """Provider `service` sends everything to the one build with all the weight."""
    route = render(ROUTING / "service.yaml", chart="modelsystem-routing")
    selector = the(route, "Service")["spec"]["selector"]
    sites = {number: pods(numbered(render, number))["scorer"] for number in ("152", "153", "154")}
    assert [number for number, site in sites.items() if matches(selector, site)] == ["153"]


@pytest.mark.parametrize("weights", [(90, 10), (1, 99), (85, 15), (33, 67), (100, 0)])
def test_every_bucket_is_dealt_once(render: Render, weights: tuple[int, int]) -> None:
    """Every sticky bucket belongs to one build, and each build has as many as its weight says."""
    split = "builds=" + json.dumps([{"number": str(n), "weight": w} for n, w in enumerate(weights)])
    more = f"{split},sticky.enabled=true"
    route = render(ROUTING / "minimal.yaml", chart="modelsystem-routing", json=more)
    rules = the(route, "HTTPRoute")["spec"]["rules"]
    buckets = [f"{number:02d}" for number in range(100)]
    patterns = [rule["matches"][0]["headers"][0]["value"] for rule in rules[:-1]]
    dealt = [[bucket for bucket in buckets if re.fullmatch(p, bucket)] for p in patterns]
    assert [len(one) for one in dealt] == [weight for weight in weights if weight]
    assert [bucket for one in dealt for bucket in one] == buckets


def test_the_charts_agree_on_names() -> None:
    """Both charts hold the same file of names, so that a route finds the build that it means."""
    charts_ = ("modelsystem", "modelsystem-routing")
    one, other = (CHARTS / chart / "templates" / "_names.tpl" for chart in charts_)
    assert one.read_bytes() == other.read_bytes()
