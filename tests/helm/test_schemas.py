"""Everything rendered is what Kubernetes, the Gateway API and Istio take, unknown fields refused."""

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import charts
import jsonschema
import kubernetes_validate
import pytest
import yaml
from charts import ROOT, SHARED, Helm, Manifest

VERSIONS = ("1.30", "1.34")
# Prometheus' own: no schema of them is at hand, so these are their fields that we use.
MONITORS = {
    "ServiceMonitor": {"selector", "namespaceSelector", "targetLabels", "endpoints"},
    "PodMonitor": {"selector", "namespaceSelector", "podTargetLabels", "podMetricsEndpoints"},
}


def test_kubernetes_takes_every_object(any_release: tuple[Manifest, ...]) -> None:
    """Objects of Kubernetes itself hold against its schemas of the oldest and the newest version."""
    for manifest in any_release:
        if "." not in manifest["apiVersion"] or ".k8s.io" in manifest["apiVersion"]:
            if manifest["kind"] != "HTTPRoute":
                for version in VERSIONS:
                    kubernetes_validate.validate(manifest, version, strict=True)


def test_custom_resources_hold(any_release: tuple[Manifest, ...]) -> None:
    """Routes hold against the schemas of their definitions, monitors have only known fields."""
    for manifest in any_release:
        if manifest["kind"] in MONITORS:
            assert set(manifest["spec"]) <= MONITORS[manifest["kind"]]
        elif schema := definition(manifest):
            jsonschema.validate(manifest["spec"], schema)


def test_an_unknown_field_is_refused() -> None:
    """The schemas are closed where their definitions are: a misspelt field does not pass."""
    route = charts.find_helm(3).render("modelsystem-routing", ROOT / "tests/helm/routing/gateway.yaml")
    wrong = deepcopy(charts.the(route, "HTTPRoute"))
    wrong["spec"]["rules"][0]["backendRef"] = []
    schema = definition(wrong)
    assert schema
    with pytest.raises(jsonschema.ValidationError, match="backendRef"):
        jsonschema.validate(wrong["spec"], schema)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["pvc_azure", "pvc_minikube"])
def test_the_volumes_hold(name: str, version: str) -> None:
    """Kubernetes takes what a cluster needs once."""
    text = (ROOT / "kube" / f"{name}.yml").read_text(encoding="utf-8")
    manifests = list(yaml.safe_load_all(text))
    assert [one["kind"] for one in manifests] == ["StorageClass", "PersistentVolumeClaim"]
    for manifest in manifests:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_the_other_volume_holds() -> None:
    """The class over NFS, a comment in the file, is as good as the one it replaces."""
    text = (ROOT / "kube" / "pvc_azure.yml").read_text(encoding="utf-8")
    commented = text.partition("stays as it is.\n")[2]
    manifest = yaml.safe_load("\n".join(line[2:] for line in commented.splitlines()))
    assert manifest["parameters"]["protocol"] == "nfs"
    assert manifest["reclaimPolicy"] == "Retain"
    kubernetes_validate.validate(manifest, VERSIONS[-1], strict=True)


def test_both_versions_of_helm_render_the_same() -> None:
    """Which Helm installs a build makes no difference to it."""
    old, new = (charts.find_helm(major) for major in charts.MAJORS)
    for folder, chart in (("values", "modelsystem"), ("routing", "modelsystem-routing")):
        for path in (ROOT / "tests/helm" / folder).glob("*.yaml"):
            assert old.render(chart, path) == new.render(chart, path)


@pytest.mark.parametrize("chart", ["modelsystem", "modelsystem-routing"])
def test_lint(helm: Helm, chart: str) -> None:
    """`helm lint --strict` has nothing to say about any values file."""
    folder = ROOT / "tests/helm" / ("values" if chart == "modelsystem" else "routing")
    for path in folder.glob("*.yaml"):
        ended = helm.run("lint", "--strict", charts.CHARTS / chart, "-f", path)
        assert ended.code == 0, ended.output + ended.errors
        assert "WARNING" not in ended.output


@cache
def _definitions() -> dict[tuple[str, str], Any]:
    folder = SHARED / "schemas"
    if not folder.is_dir():
        pytest.skip(f"there are no definitions of custom resources: no {folder}")
    found = {}
    for path in folder.glob("*.crd.yaml"):
        spec = yaml.safe_load(Path(path).read_text(encoding="utf-8"))["spec"]
        for version in spec["versions"]:
            schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
            name = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
            found[name] = _closed(schema)
    return found


def definition(manifest: Manifest) -> Any:
    """Return the schema of a custom resource's spec, or None of what is none."""
    group = manifest["apiVersion"].partition("/")[0]
    if group not in ("gateway.networking.k8s.io", "networking.istio.io"):
        return None
    return _definitions()[manifest["apiVersion"], manifest["kind"]]


def _closed(schema: Any) -> Any:
    """Refuse what a definition does not list: a cluster would drop it without a word."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(below) for key, below in schema.items()}
    has_fields = schema.get("type") == "object" and "properties" in schema
    if has_fields and not schema.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    return closed
