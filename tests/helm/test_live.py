"""The charts' checks against a cluster: missing objects, and changes of a build.

The cluster is a stand-in that only keeps objects; Helm is real.
"""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

import pytest
from tests.helm import apiserver
from tests.helm.apiserver import Cluster
from tests.helm.charts import CHARTS, ROUTING, VALUES, Ended, Helm

Upgrade = Callable[..., Ended]
RECORDINGS = Path(__file__).with_name("recordings")
MINIMAL = VALUES / "minimal.yaml"
TENANT = VALUES / "tenant.yaml"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Return a cluster with the claim and nothing else."""
    with apiserver.running() as running:
        running.put("PersistentVolumeClaim", "azurefilecustom")
        yield running


@pytest.fixture
def kubeconfig(cluster: Cluster, tmp_path: Path) -> Path:
    """Return the file with which Helm finds the cluster."""
    path = tmp_path / "kubeconfig"
    path.write_text(cluster.kubeconfig(), encoding="utf-8")
    return path


@pytest.fixture
def upgrade(helm: Helm, kubeconfig: Path) -> Upgrade:
    """Return a function that installs or upgrades a release there."""

    def run(values: Path, *options: str, chart: str = "modelsystem", name: str = "r") -> Ended:
        release = ["upgrade", "--install", name, CHARTS / chart, "-n", "models", "-f", values]
        options = ("--disable-openapi-validation", *options)
        return helm.run(*release, *options, kubeconfig=kubeconfig)

    return run


def built(cluster: Cluster) -> dict[tuple[str, str], object]:
    """Return a copy of all objects but Helm's records."""
    return {
        key: deepcopy(manifest)
        for key, manifest in cluster.objects.items()
        if "sh.helm" not in key[1]
    }


def test_the_identical_upgrade_is_harmless(upgrade: Upgrade, cluster: Cluster) -> None:
    """Installing the same build again changes no object."""
    first = upgrade(MINIMAL)
    assert first.code == 0, first.errors
    before = built(cluster)
    assert ("jobs", "trainingjob-20180523-10") in before
    again = upgrade(MINIMAL)
    assert again.code == 0, again.errors
    assert "has been upgraded" in again.output
    assert built(cluster) == before


@pytest.mark.parametrize(
    "change",
    ["env.NEIGHBOURS=50", "image.tag=other", "trainer.deadlineSeconds=60", "labels.team=other",
     "scorer.drainSeconds=1", "outputs.modelfolder=/mnt/azure/other"],
)  # fmt: skip
def test_no_upgrade_changes_a_build(upgrade: Upgrade, cluster: Cluster, change: str) -> None:
    """An upgrade that would change anything of a build is refused with the cure."""
    assert upgrade(MINIMAL).code == 0
    before = built(cluster)
    ended = upgrade(MINIMAL, "--set", change)
    assert ended.code != 0
    assert "build.number: build 20180523.10 is installed already" in ended.errors
    assert "under another build.number" in ended.errors
    assert built(cluster) == before


def test_a_change_is_refused_without_the_job(upgrade: Upgrade, cluster: Cluster) -> None:
    """The site's Deployment is enough to compare with if the finished Job was removed."""
    assert upgrade(MINIMAL).code == 0
    del cluster.objects["jobs", "trainingjob-20180523-10"]
    assert "installed already" in upgrade(MINIMAL, "--set", "env.NEIGHBOURS=50").errors


def test_the_number_of_pods_may_change(upgrade: Upgrade, cluster: Cluster) -> None:
    """Replicas and autoscaling are not part of a build."""
    assert upgrade(MINIMAL).code == 0
    job = deepcopy(cluster.get("Job", "trainingjob-20180523-10"))
    ended = upgrade(MINIMAL, "--set", "replicaCount=5")
    assert ended.code == 0, ended.errors
    assert cluster.get("Deployment", "scoring-deployment-20180523-10")["spec"]["replicas"] == 5
    ended = upgrade(MINIMAL, "--set", "autoscaling.enabled=true,replicaCount=5")
    assert ended.code == 0, ended.errors
    assert cluster.get("HorizontalPodAutoscaler", "scoring-deployment-20180523-10")
    assert cluster.get("Job", "trainingjob-20180523-10") == job


def test_the_key_may_be_rotated(upgrade: Upgrade, cluster: Cluster) -> None:
    """The storage account's key is not part of a build, and not of its digest."""
    assert upgrade(VALUES / "seed.yaml").code == 0
    assert upgrade(VALUES / "seed.yaml", "--set", "env.BLOB_STORAGE_KEY=b3RoZXI=").code == 0
    [secret] = [
        manifest for (_, name), manifest in cluster.objects.items() if name.startswith("storage-")
    ]
    assert secret["data"]["BLOB_STORAGE_KEY"] == "YjNSb1pYST0="


def test_builds_and_tenants_coexist(upgrade: Upgrade, cluster: Cluster) -> None:
    """Neither another build nor a tenant's build of the same number changes the first."""
    assert upgrade(MINIMAL).code == 0
    before = built(cluster)
    for number, change in enumerate(["build.number=20180523.11", "env.TENANTID=acme"]):
        ended = upgrade(MINIMAL, "--set-string", change, name=f"other-{number}")
        assert ended.code == 0, ended.errors
    assert built(cluster).items() >= before.items()


def test_a_missing_claim_is_named(upgrade: Upgrade, cluster: Cluster) -> None:
    """Without the claim pods would wait for ever: the release is refused with the cure."""
    del cluster.objects["persistentvolumeclaims", "azurefilecustom"]
    ended = upgrade(MINIMAL)
    assert "outputs.claim: there is no claim azurefilecustom in namespace models" in ended.errors
    assert "kube/README.md" in ended.errors


def test_a_missing_secret_is_named(upgrade: Upgrade, cluster: Cluster) -> None:
    """A missing Secret, or one without the key, is refused by name."""
    assert "storage.existingSecret: there is no Secret blob-storage" in upgrade(TENANT).errors
    cluster.put("Secret", "blob-storage", data={"other": "YQ=="})
    assert "storage.existingSecretKey: Secret blob-storage has no entry" in upgrade(TENANT).errors
    cluster.put("Secret", "blob-storage", data={"BLOB_STORAGE_KEY": "YQ=="})
    ended = upgrade(TENANT, "--set", "podMonitor.enabled=false")
    assert ended.code == 0, ended.errors


def test_missing_keys_of_signatures_are_named(upgrade: Upgrade, cluster: Cluster) -> None:
    """A missing Secret or ConfigMap, or one without keys, is refused by name."""
    values = ("--set", "signing.existingSecret=signing,signing.trustedKeys=trusted-keys")
    assert "signing.existingSecret: there is no Secret signing" in upgrade(MINIMAL, *values).errors
    cluster.put("Secret", "signing", data={"other": "YQ=="})
    assert "Secret signing has no entry signing.pem" in upgrade(MINIMAL, *values).errors
    cluster.put("Secret", "signing", data={"signing.pem": "YQ=="})
    assert "signing.trustedKeys: there is no ConfigMap trusted-keys" in (
        upgrade(MINIMAL, *values).errors
    )
    cluster.put("ConfigMap", "trusted-keys", data={"a.pub": "YQ=="})
    ended = upgrade(MINIMAL, *values)
    assert ended.code == 0, ended.errors


def test_only_installed_builds_get_traffic(upgrade: Upgrade, cluster: Cluster) -> None:
    """A route to a build is refused until the build is installed."""
    builds = "builds=" + json.dumps([{"number": "20180523.10", "weight": 100}])
    options = ("--set-json", builds, "--set", "provider=service")

    def route() -> Ended:
        return upgrade(
            ROUTING / "minimal.yaml", *options, chart="modelsystem-routing", name="routing"
        )

    assert "builds: build 20180523.10 has no Service scoring-20180523-10" in route().errors
    assert upgrade(MINIMAL).code == 0
    ended = route()
    assert ended.code == 0, ended.errors
    assert cluster.get("Service", "scoring")["spec"]["selector"]["version"] == "20180523-10"


@pytest.mark.parametrize(
    ("name", "percent", "missing"),
    [
        ("traefik", 100, "HTTPRouteRequestMirror"),
        ("traefik", 10, "HTTPRouteRequestPercentageMirror"),
        ("recorded-silent", 100, "HTTPRouteRequestMirror"),
        ("recorded-mirror", 10, ""),
    ],
)
def test_only_a_gateway_that_can_mirror_gets_a_mirror(
    upgrade: Upgrade, cluster: Cluster, name: str, percent: int, missing: str
) -> None:
    """As a real cluster lists its classes; another one answers every user with 500."""
    classes = json.loads((RECORDINGS / "gatewayclasses.json").read_text(encoding="utf-8"))
    (fields,) = [fields for fields in classes if fields["name"] == name]
    cluster.put("GatewayClass", **fields)
    cluster.put("Gateway", "public", spec={"gatewayClassName": name})
    assert upgrade(MINIMAL).code == 0
    builds = "builds=" + json.dumps([{"number": "20180523.10", "weight": 100}])
    mirror = f"mirror.percent={percent}"
    options = ("--set-json", builds, "--set-string", "mirror.build=20180523.10", "--set", mirror)
    ended = upgrade(ROUTING / "minimal.yaml", *options, chart="modelsystem-routing", name="routing")
    assert (ended.code == 0) == (not missing), ended.errors
    if missing:
        assert f"GatewayClass {name} does not list {missing} in status" in ended.errors


def test_the_log_of_a_test_can_be_read(
    helm: Helm, kubeconfig: Path, upgrade: Upgrade, cluster: Cluster
) -> None:
    """`helm test --logs` shows the pod's log; the pod stays until the next test replaces it."""
    assert upgrade(MINIMAL).code == 0
    for _ in range(2):
        ended = helm.run("test", "r", "-n", "models", "--logs", kubeconfig=kubeconfig)
        assert ended.code == 0, ended.errors
        assert apiserver.POD_LOG.decode() in ended.output
        assert cluster.get("Pod", "test-20180523-10")


def test_notes_name_what_to_watch(upgrade: Upgrade, cluster: Cluster) -> None:
    """The notes name the Job, the Deployment, the model folder and the Service."""
    notes = upgrade(VALUES / "seed.yaml").output.partition("NOTES:")[2]
    for kind in ("jobs", "deployments", "services"):
        [name] = [name for plural, name in cluster.objects if plural == kind]
        assert name in notes
    assert "/mnt/azure/13" in notes
    assert "WARNING: env.BLOB_STORAGE_KEY" in notes
    assert "a2V5" not in notes
