"""The retention of the routing chart: off by default, and with just the rights that it needs."""

from typing import Any

from tests.helm.charts import BUILDS, CHARTS, ROUTES, ROUTING, Helm, Manifest, Release, Render, the

from modelsystem_release.__main__ import parser

PRUNED = ROUTING / "pruned.yaml"
KINDS = ("CronJob", "Role", "RoleBinding", "ServiceAccount")
# Kinds whose plural is not the kind with an s.
IRREGULAR = {"NetworkPolicy": "networkpolicies"}
READS = {  # of `release prune` itself, see its calls of kubectl
    ("", "services"), ("", "pods"), ("apps", "deployments"), ("batch", "jobs"),
    ("networking.k8s.io", "ingresses"), ("gateway.networking.k8s.io", "httproutes"),
    ("networking.istio.io", "virtualservices"), ("networking.istio.io", "destinationrules"),
}  # fmt: skip
WRITES = {  # beside the removal of a build's objects
    ("apps", "deployments/scale", "get"), ("apps", "deployments/scale", "update"),
    ("apps", "deployments/scale", "patch"), ("batch", "jobs", "create"),
    ("", "pods/log", "get"), ("", "secrets", "update"),
}  # fmt: skip


def rights(role: Manifest) -> set[tuple[str, str, str]]:
    """Return group, resource and verb of everything that a Role allows."""
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def resource_of(manifest: Manifest) -> tuple[str, str]:
    """Return the group and the resource of an object."""
    group, _, version = manifest["apiVersion"].rpartition("/")
    kind = manifest["kind"]
    assert version
    return group, IRREGULAR.get(kind, kind.lower() + "s")


def test_it_is_off_by_default(render: Render) -> None:
    """No other values file makes any of its objects."""
    for path in ROUTES:
        kinds = {made["kind"] for made in render(path, chart="modelsystem-routing")}
        assert bool(kinds & {*KINDS}) == (path == PRUNED), path


def test_it_may_do_what_it_needs_and_nothing_else(render: Render) -> None:
    """Read the routes, run the removal Job, and remove every object that a build's chart makes."""
    allowed = rights(the(render(PRUNED, chart="modelsystem-routing"), "Role"))
    removed = {("", "secrets")} | {
        resource_of(manifest) for path in BUILDS for manifest in render(path)
    }
    needed = WRITES | {(*resource, "list") for resource in READS}
    needed |= {(*resource, verb) for resource in removed for verb in ("get", "list", "delete")}
    assert needed <= allowed, needed - allowed
    # Helm 4 waits for the removal by watching, and looks at what belongs to a Deployment.
    watches = {right for right in allowed if right[2] == "watch"}
    dependents = {("apps", "replicasets", verb) for verb in ("get", "list")}
    assert allowed == needed | watches | dependents
    assert {right[:2] for right in watches} <= removed | {("apps", "replicasets")}


def pod_of(release: Release) -> Any:
    """Return the spec of the CronJob's pods."""
    return the(release, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def test_its_command_is_one_of_the_release_tool(render: Render) -> None:
    """With the namespace, the tenant and the limits of the values."""
    (container,) = pod_of(render(PRUNED, chart="modelsystem-routing"))["containers"]
    arguments = parser().parse_args(container["args"])
    assert (arguments.namespace, arguments.tenant) == ("models", "acme")
    assert (arguments.keep, arguments.days, arguments.dry_run) == (10, 3.5, True)
    assert container["image"] == "acr.example/modelsystem/release:152"


def test_its_pod_meets_the_restricted_standard(render: Render) -> None:
    """With a read-only root; it alone has a token of its account."""
    spec = pod_of(render(PRUNED, chart="modelsystem-routing"))
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    account = the(render(PRUNED, chart="modelsystem-routing"), "ServiceAccount")
    assert spec["serviceAccountName"] == account["metadata"]["name"] == "scoring-acme-prune"


def test_an_image_must_be_named(helm: Helm) -> None:
    """By its repository, and by a tag or a digest."""
    chart = CHARTS / "modelsystem-routing"
    options = ("-f", ROUTING / "service.yaml", "--set", "prune.enabled=true")
    refused = helm.run("template", "r", chart, *options)
    assert "prune.image.repository: it is not set" in refused.errors
    options += ("--set", "prune.image.repository=release")
    assert "prune.image.tag: neither it nor" in helm.run("template", "r", chart, *options).errors
    digest = f"prune.image.digest=sha256:{'a' * 64}"
    rendered = helm.run("template", "r", chart, *options, "--set", digest)
    assert f"release@sha256:{'a' * 64}" in rendered.output
