"""All rendered objects are valid for Kubernetes, the Gateway API and Istio."""

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from tests.helm import charts
from tests.helm.charts import ROOT, ROUTING, SHARED, VALUES, Manifest, Release, Render

VERSIONS = ("1.30", "1.34")
# The fields of the Prometheus Operator's objects that the charts use; tests have no schema of them.
MONITORS = {
    "ServiceMonitor": {"selector", "namespaceSelector", "targetLabels", "endpoints"},
    "PodMonitor": {"selector", "namespaceSelector", "podTargetLabels", "podMetricsEndpoints"},
    "PrometheusRule": {"groups"},
}


def test_objects_of_kubernetes_are_valid(any_release: Release) -> None:
    """They follow the schemas of the oldest and the newest version."""
    for manifest in any_release:
        if not is_custom(manifest):
            for version in VERSIONS:
                kubernetes_validate.validate(manifest, version, strict=True)


def test_custom_resources_are_valid(any_release: Release) -> None:
    """Routes follow the schemas of their definitions; monitors have only known fields."""
    for manifest in any_release:
        if manifest["kind"] in MONITORS:
            assert set(manifest["spec"]) <= MONITORS[manifest["kind"]]
        elif is_custom(manifest):
            jsonschema.validate(manifest["spec"], definition(manifest))


def test_an_unknown_field_is_refused(render: Render) -> None:
    """The schemas are closed, so that a misspelt field does not pass."""
    route = render(ROUTING / "gateway.yaml", chart="modelsystem-routing")
    wrong = deepcopy(charts.the(route, "HTTPRoute"))
    wrong["spec"]["rules"][0]["backendRef"] = []
    with pytest.raises(jsonschema.ValidationError, match="backendRef"):
        jsonschema.validate(wrong["spec"], definition(wrong))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["pvc_azure", "pvc_minikube"])
def test_the_volumes_are_valid(name: str, version: str) -> None:
    """The files of kube/ have a StorageClass and a claim."""
    text = (ROOT / "kube" / f"{name}.yml").read_text(encoding="utf-8")
    manifests = list(yaml.safe_load_all(text))
    assert [manifest["kind"] for manifest in manifests] == ["StorageClass", "PersistentVolumeClaim"]
    for manifest in manifests:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_the_nfs_volume_is_valid() -> None:
    """The StorageClass for NFS, a comment in the file, is valid and retains volumes too."""
    text = (ROOT / "kube" / "pvc_azure.yml").read_text(encoding="utf-8")
    commented = text.partition("stays as it is.\n")[2]
    manifest = yaml.safe_load("\n".join(line[2:] for line in commented.splitlines()))
    assert manifest["parameters"]["protocol"] == "nfs"
    assert manifest["reclaimPolicy"] == "Retain"
    kubernetes_validate.validate(manifest, VERSIONS[-1], strict=True)


@pytest.mark.parametrize(
    "path", [*VALUES.glob("*.yaml"), *ROUTING.glob("*.yaml")], ids=lambda path: path.stem
)
def test_both_versions_of_helm_do_the_same(path: Path) -> None:
    """Helm 3 and 4 render the same objects, and `helm lint --strict` of both accepts them."""
    old, new = (charts.find_helm(major) for major in charts.MAJORS)
    chart = "modelsystem" if path.parent == VALUES else "modelsystem-routing"
    assert old.render(path, chart=chart) == new.render(path, chart=chart)
    for helm in (old, new):
        ended = helm.run("lint", "--strict", charts.CHARTS / chart, "-f", path)
        assert ended.code == 0, ended.output + ended.errors


@cache
def _definitions() -> dict[tuple[str, str], Any]:
    folder = SHARED / "schemas"
    if not folder.is_dir():
        pytest.skip(f"there are no definitions of custom resources: no {folder}")
    definitions = {}
    for path in folder.glob("*.crd.yaml"):
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]
        for version in spec["versions"]:
            schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
            name = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
            definitions[name] = _closed(schema)
    return definitions


def is_custom(manifest: Manifest) -> bool:
    """Whether the object's kind comes from a custom resource definition."""
    group = manifest["apiVersion"].rpartition("/")[0]
    return group in ("gateway.networking.k8s.io", "networking.istio.io", "monitoring.coreos.com")


def definition(manifest: Manifest) -> Any:
    """Return the schema of a custom resource's spec."""
    return _definitions()[manifest["apiVersion"], manifest["kind"]]


def _closed(schema: Any) -> Any:
    """Return a schema that refuses unknown fields, which a cluster drops without an error."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(below) for key, below in schema.items()}
    has_fields = schema.get("type") == "object" and "properties" in schema
    if has_fields and not schema.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    return closed
