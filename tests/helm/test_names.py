"""Names, labels and selectors, for build numbers of every kind."""

import json
import re
from pathlib import Path

import pytest
import yaml
from tests.helm import charts
from tests.helm.charts import (
    BUILDS,
    CHARTS,
    ROOT,
    ROUTES,
    ROUTING,
    VALUES,
    Manifest,
    Release,
    Render,
    pods,
    the,
)

from modelsystem_release import naming

GUID = "1e8b7415-7c2e-e411-80bb-00155d5369ef"
BRANCH = "feature/A-rather-long-branch-name-of-60-characters-20180523"
BOTH = ("modelsystem", "modelsystem-routing")
NUMBERS = ["13", "115", "20180523.5", "20180523.10", BRANCH + ".1", "1e5", "a" * 100]
HARD_NAMES = [
    ("13", ""), ("20180523.10", ""), ("20180523.10", GUID), ("1e5", ""), ("0013", "007"),
    ("Main", ""), ("feature/x", "acme"), ("a_b", "a_b"), ("1.-2", ""), ("a--b", ""), ("a@+b", "-"),
    ("a" * 128, ""), ("a" * 55, ""), ("a" * 56, ""), (f"{'a' * 45}.-b", "c"), (BRANCH, GUID),
    ("13", "Ä & Söhne"), ("13", "İstanbul"), ("13", "\u212anut"), ("13", "ΣΑΣ"), ("13", "日本"),
    ("13", "."), ("13", " x "), ("13", "x\n"), ("13", "$(x)"), ("13", '"{{ x }}"'), ("1-3", ""),
]  # fmt: skip
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
VALUE = re.compile(r"|[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
KEY = re.compile(
    r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)


def numbered(render: Render, number: str, tenant: str = "") -> Release:
    """Return the objects of a build."""
    tags = tuple(f"{image}.tag=1" for image in ("image", "scoringimage", "waiterimage"))
    names = f"build.number={json.dumps(number)},env.TENANTID={json.dumps(tenant)}"
    return render(VALUES / "production.yaml", sets=tags, json=names)


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
        container["name"]
        for component in ("trainer", "scorer")
        for container in charts.containers(pods(build)[component])
    ]
    assert names == ["trainer", "waiter-container", "scorer"]


def test_different_builds_have_different_names(render: Render) -> None:
    """Builds and tenants that coexist share no name and no model folder."""
    numbers = [("20180523.5", ""), ("20180523.10", ""), ("20180523.1", ""), ("20180523.5", GUID),
               ("Main", ""), ("main", ""), (BRANCH + ".1", ""), (BRANCH + ".2", "")]  # fmt: skip
    builds = [numbered(render, *number_and_tenant) for number_and_tenant in numbers]
    for kind in ("Job", "Deployment", "Service", "ServiceAccount"):
        assert len({the(build, kind)["metadata"]["name"] for build in builds}) == len(builds)
    folders = {env(build, "MODELFOLDER") for build in builds}
    assert len(folders) == len(builds)
    assert len({folder.lower() for folder in folders}) == len(builds)  # SMB has no case


def env(build: Release, name: str) -> str:
    """Return the value of one of the trainer's environment variables."""
    [trainer] = charts.containers(pods(build)["trainer"])
    [value] = [variable["value"] for variable in trainer["env"] if variable["name"] == name]
    return str(value)


def test_selectors_select_what_they_are_for(render: Render) -> None:
    """Every selector finds the pods of its own build and component, and of no other."""
    builds = [numbered(render, "13"), numbered(render, "13", GUID), numbered(render, "13.1")]
    all_pods = [(b, component, pod) for b in builds for component, pod in pods(b).items()]
    aims = {"trainingjob": "trainer", "scoring": "scorer", "test": "test"}
    for build in builds:
        for manifest in build:
            for path, selector in selectors(manifest):
                aim = aims[manifest["metadata"]["name"].partition("-")[0]]
                if ".from[" in path:
                    aim = "test"
                if ".to[" in path:
                    aim = "scorer"
                selected = [(b, c) for b, c, pod in all_pods if matches(selector, pod)]
                assert selected == [(build, aim)], (manifest["metadata"]["name"], path)


def selectors(manifest: Manifest) -> list[tuple[str, dict[str, str]]]:
    """Return all of an object's selectors of pods, with where they are."""
    labels: dict[str, dict[str, str]] = {}
    for path, value in charts.leaves(manifest.get("spec", {})):
        for mark in (".matchLabels.", ".selector."):
            head, is_in, key = path.partition(mark)
            if is_in and "matchLabels" not in key and "namespaceSelector" not in head:
                labels.setdefault(head, {})[key] = value
    return list(labels.items())


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


def routed(render: Render, numbers: list[str], tenant: str, provider: str) -> Release:
    """Return the objects that route equal shares of the traffic to one or two builds."""
    values = {
        "tenant": tenant,
        "provider": provider,
        "builds": [{"number": number, "weight": 100 // len(numbers)} for number in numbers],
        "gateway": {"parentRefs": [{"name": "public"}]},
    }
    assignments = ",".join(f"{key}={json.dumps(value)}" for key, value in values.items())
    return render(chart="modelsystem-routing", json=assignments)


@pytest.mark.parametrize("tenant", ["", GUID])
def test_routes_find_builds(render: Render, tenant: str) -> None:
    """The routing selects Services and pods by names and labels that a build really has."""
    numbers = ["20180523.10", BRANCH]
    sites = [numbered(render, number, tenant) for number in numbers]
    other = numbered(render, numbers[0], "other")
    route, mesh = (routed(render, numbers, tenant, provider) for provider in ("gateway", "istio"))
    backends = the(route, "HTTPRoute")["spec"]["rules"][-1]["backendRefs"]
    assert [backend["name"] for backend in backends] == [
        the(site, "Service")["metadata"]["name"] for site in sites
    ]
    stable = the(mesh, "Service")["spec"]["selector"]
    assert all(matches(stable, pods(site)["scorer"]) for site in sites)
    assert not matches(stable, pods(other)["scorer"])
    assert not matches(stable, pods(sites[0])["trainer"])
    subsets = the(mesh, "DestinationRule")["spec"]["subsets"]
    for subset, site in zip(subsets, sites, strict=True):
        assert [s for s in sites if matches(subset["labels"], pods(s)["scorer"])] == [site]


def test_the_mesh_closes_idle_connections_before_the_scorer(render: Render) -> None:
    """A request on a connection that the other side is closing would be lost."""
    rule = the(render(ROUTING / "istio.yaml", chart="modelsystem-routing"), "DestinationRule")
    idle = rule["spec"]["trafficPolicy"]["connectionPool"]["http"]["idleTimeout"]
    server = ROOT / "scorer/src/modelsystem_scorer/serve/server.py"
    kept = re.search(r"^KEEP_ALIVE_SECONDS = (\d+)", server.read_text(), re.MULTILINE)
    assert kept
    assert int(idle.removesuffix("s")) < int(kept[1])


@pytest.mark.parametrize(("seconds", "limit"), [("30", "30s"), ("0", None)])
def test_a_gateway_has_a_deadline_for_requests(
    render: Render, seconds: str, limit: str | None
) -> None:
    """The site has none for a head that never ends."""
    chart, setting = "modelsystem-routing", f"requestTimeout={seconds}"
    gateway = render(ROUTING / "gateway.yaml", chart=chart, json=setting)
    mesh = render(ROUTING / "istio.yaml", chart=chart, json=setting)
    for rule in the(gateway, "HTTPRoute")["spec"]["rules"]:
        assert rule.get("timeouts", {}).get("request") == limit
    for rule in the(mesh, "VirtualService")["spec"]["http"]:
        assert rule.get("timeout") == limit


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
    assert [len(share) for share in dealt] == [weight for weight in weights if weight]
    assert [bucket for share in dealt for bucket in share] == buckets


@pytest.mark.parametrize(("number", "tenant"), HARD_NAMES)
def test_charts_and_release_tool_compute_the_same_names(
    render: Render, number: str, tenant: str
) -> None:
    """The charts and `modelsystem_release.naming` give a build and its tenant the same names."""
    build = numbered(render, number, tenant)
    route, mesh = (routed(render, [number], tenant, provider) for provider in ("gateway", "istio"))
    version, tenant_label = naming.label("", number, tenant), tenant and naming.label("", tenant)
    assert the(build, "Job")["metadata"]["name"] == naming.label("trainingjob-", number, tenant)
    assert the(build, "Service")["metadata"]["name"] == naming.service(number, tenant)
    labels = pods(build)["scorer"]["metadata"]["labels"]
    assert (labels["version"], labels["modelsystem/tenant"]) == (version, tenant_label)

    [backend] = the(route, "HTTPRoute")["spec"]["rules"][-1]["backendRefs"]
    assert backend["name"] == naming.service(number, tenant)
    [subset] = the(mesh, "DestinationRule")["spec"]["subsets"]
    assert subset["labels"] == {"version": version}
    assert the(mesh, "Service")["spec"]["selector"]["modelsystem/tenant"] == tenant_label


def test_the_charts_hold_the_same_file_of_names() -> None:
    """A route finds a build by computing its name again, from the same file, byte by byte."""
    build, routing = (CHARTS / chart / "templates" / "_names.tpl" for chart in BOTH)
    assert build.read_bytes() == routing.read_bytes()


@pytest.mark.parametrize("path", [*BUILDS, *ROUTES], ids=lambda path: path.stem)
def test_a_template_is_named_after_the_role_and_kind_of_its_object(path: Path) -> None:
    """`scorer-service.yaml` makes the Service of component scorer, and so on."""
    chart = BOTH[path in ROUTES]
    ended = charts.find_helm(4).run("template", "r", CHARTS / chart, "-f", path)
    for document in ended.output.split("\n---\n"):
        source = re.search(rf"^# Source: {chart}/templates/(\S+)$", document, re.MULTILINE)
        manifest = yaml.safe_load(document)
        assert source
        role = manifest["metadata"]["labels"].get("app.kubernetes.io/component", "routing")
        assert source[1] == f"{role}-{manifest['kind'].lower()}.yaml"
