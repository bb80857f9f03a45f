"""Every value set to null: it removes a field, or is refused with its key; it never becomes 0."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.helm.charts import CHARTS, ROUTING, VALUES, Helm, containers, leaves, of_kind, pods, the

FULL = {"modelsystem": VALUES / "production.yaml", "modelsystem-routing": ROUTING / "gateway.yaml"}
# Refused by a sentence of its own; the build's number is also required by the schema.
OWN_SENTENCES = {
    "build": "build",
    "build.number": "number",
    **dict.fromkeys(("env", "env.BLOB_STORAGE_ACCOUNT"), "env.BLOB_STORAGE_ACCOUNT: neither"),
    "env.BLOB_STORAGE_CONTAINER": "env.BLOB_STORAGE_CONTAINER: neither",
    "env.BLOB_STORAGE_CSV_FOLDER": "env.BLOB_STORAGE_CSV_FOLDER: neither",
    **dict.fromkeys(
        ("storage", "storage.existingSecret"), "storage.existingSecret: the Job has no"
    ),
    "signing.existingSecret": "signing.trustedKeys: the Job does not sign",
    **dict.fromkeys(
        ("scorer.resources", "scorer.resources.requests", "scorer.resources.requests.cpu"),
        "scorer.resources.requests.cpu: it is not set",
    ),
    "builds": "builds: the weights add up to 0",
    "gateway": "gateway.parentRefs: it is empty",
    "gateway.parentRefs": "gateway.parentRefs: it is empty",
}


def paths(values: dict[str, Any], at: str = "") -> Iterator[str]:
    """Yield the path of every section and every field of a chart's values."""
    for key, value in values.items():
        here = f"{at}{key}"
        yield here
        if isinstance(value, dict):
            yield from paths(value, f"{here}.")


ALL = [
    (chart, path)
    for chart in FULL
    for path in paths(yaml.safe_load((CHARTS / chart / "values.yaml").read_text()))
]


def nulled(path: str) -> str:
    """Return YAML that sets a path to null."""
    value: Any = None
    for key in reversed(path.split(".")):
        value = {key: value}
    return yaml.safe_dump(value)


@pytest.mark.parametrize(("chart", "path"), ALL)
def test_null_removes_a_field_or_is_refused(
    helm: Helm, tmp_path: Path, chart: str, path: str
) -> None:
    """No Go error, no 0 or false in its place, and no null among the fields."""
    over = tmp_path / "null.yaml"
    over.write_text(nulled(path))
    ended = helm.run(
        "template", "release", CHARTS / chart, "-n", "models", "-f", FULL[chart], "-f", over
    )
    if ended.code:
        sentence = OWN_SENTENCES.get(path, "it is null, but must have a value")
        assert sentence in ended.errors
        assert "nil pointer" not in ended.errors
        assert "wrong type" not in ended.errors
        return
    usual = dict(_leaves(helm.render(FULL[chart], chart=chart)))
    for place, value in _leaves(tuple(yaml.safe_load_all(ended.output))):
        assert value is not None, place
        assert value not in (0, "0", False, "<nil>", "null") or usual.get(place) == value, place


def _leaves(manifests: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    for manifest in filter(None, manifests):
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        yield from leaves(manifest, name)


@pytest.mark.parametrize(
    ("key", "chart"),
    [
        ("trainer.deadlineSeconds", "modelsystem"),
        ("trainer", "modelsystem"),
        ("replicaCount", "modelsystem"),
        ("modelCache.enabled", "modelsystem"),
        ("outputs", "modelsystem"),
        ("provider", "modelsystem-routing"),
        ("sticky", "modelsystem-routing"),
    ],
)
def test_where_a_value_must_be_null_is_refused(
    helm: Helm, tmp_path: Path, key: str, chart: str
) -> None:
    """`deadlineSeconds: null` would be a deadline of 0 seconds, `replicaCount: null` no pods."""
    over = tmp_path / "null.yaml"
    over.write_text(nulled(key))
    values = VALUES / "minimal.yaml" if chart == "modelsystem" else ROUTING / "gateway.yaml"
    ended = helm.run("template", "release", CHARTS / chart, "-f", values, "-f", over)
    assert ended.code
    assert f"{key}" in ended.errors
    assert "it is null, but must have a value; remove the null for the chart's" in ended.errors


def test_security_contexts_can_be_emptied(helm: Helm) -> None:
    """As a whole or field by field: OpenShift chooses user and groups itself."""
    minimal = VALUES / "minimal.yaml"
    for json in (
        "podSecurityContext=null",
        'podSecurityContext={"runAsUser":null,"runAsGroup":null,"fsGroup":null,'
        '"runAsNonRoot":null,"fsGroupChangePolicy":null,"seccompProfile":null}',
    ):
        for pod in pods(helm.render(minimal, json=json)).values():
            assert "securityContext" not in pod["spec"]
    for pod in pods(helm.render(minimal, json="containerSecurityContext=null")).values():
        assert all("securityContext" not in container for container in containers(pod))
        assert pod["spec"]["securityContext"]["runAsUser"] == 10001
    user = helm.render(minimal, json='podSecurityContext={"runAsUser":null,"fsGroup":1000660000}')
    for pod in pods(user).values():
        assert "runAsUser" not in pod["spec"]["securityContext"]
        assert pod["spec"]["securityContext"]["fsGroup"] == 1000660000


def test_removed_limits_leave_kubernetes_own(helm: Helm) -> None:
    """A volume without a size, a Job with the default number of retries."""
    minimal = VALUES / "minimal.yaml"
    job = the(helm.render(minimal, json="trainer.backoffLimit=null"), "Job")
    assert "backoffLimit" not in job["spec"]
    job = the(helm.render(minimal, json="trainer.scratchSizeLimit=null"), "Job")
    assert {"name": "scratch", "emptyDir": {}} in job["spec"]["template"]["spec"]["volumes"]
    [deployment] = of_kind(helm.render(minimal, json="modelCache.sizeLimit=null"), "Deployment")
    assert {"name": "model", "emptyDir": {}} in deployment["spec"]["template"]["spec"]["volumes"]
