"""`release doctor` on a recorded cluster: the first fault, its cure and its exit code."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.release.conftest import Release, Result
from tests.release.fake_cluster import Cluster, claim, deployment, job, pod, service
from tests.release.recorded import Look, looks

from modelsystem_release.cluster import Target, programs
from modelsystem_release.diagnosis import Examination, cure
from modelsystem_release.traffic import FileStore, Routing

# Situation: build, the step that does not hold, exit code, part of the sentence, part of the cure.
FAULTS = {
    "claim-missing": ("112", "claim", 6, "there is no claim models-112", "pvc_azure.yml"),
    "claim-pending": ("111", "claim", 6, "is Pending, not Bound", "kubectl describe pvc"),
    "secret-missing": ("113", "secret", 6, "there is no Secret storage-113", "existingSecret"),
    "bad-data": ("102", "training", 3, "interactions.csv line 2", "cut a new build"),
    "trainer-oomkilled": ("103", "training", 3, "killed for memory", "trainer.resources.limits"),
    "training-deadline": ("117", "training", 3, "not done after 60 s", "trainer.deadlineSeconds"),
    "trainer-image-missing": ("107", "pods", 6, "cannot start: ", "is in the registry"),
    "unschedulable": ("110", "pods", 6, "Insufficient cpu", "the nodes are full"),
    "serviceaccount-missing": ("114", "pods", 6, "no pod of the training", "ServiceAccount"),
    "pod-security": ("116", "pods", 6, "violates PodSecurity", "what Pod Security forbids"),
    "corrupt-model-of-a-ready-site": ("106", "waiter", 4, "refuses the model", "route rollback"),
    "waiter-oomkilled": ("105", "waiter", 6, "killed for memory at 16Mi", "raise the value"),
    "scorer-oomkilled": ("104", "site", 6, "killed for memory at 32Mi", "raise the value"),
    "emptydir-eviction": ("118", "site", 6, "evicted again and again", "raise the limit"),
}


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """Return an empty namespace with a bound claim."""
    empty = Cluster(tmp_path / "cluster")
    empty.add(claim())
    return empty


def doctor(release: Release, cluster: Cluster, build: str, *more: str) -> Result:
    """Examine a build."""
    return release("doctor", build, *more, environ=cluster.environ)


def install(cluster: Cluster, build: str, *things: dict[str, Any], **release: Any) -> None:
    """Install a build with these objects."""
    cluster.install(f"mlrelease-{build}", app_version=build, **release)
    cluster.add(*things)


@pytest.mark.parametrize("situation", FAULTS)
def test_the_first_fault_of_a_recorded_build(
    cluster: Cluster, situation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named with its step; all steps before it hold, or wait; the runbook has its cure."""
    build, step, code, sentence, action = FAULTS[situation]
    (*_, last) = looks(situation).values()
    install(cluster, build, *last, *([] if "claim" in situation else mounted(last)))
    for name, value in cluster.environ.items():
        monkeypatch.setenv(name, value)
    programs.find.cache_clear()
    examination = Examination(Target("default"), build, Routing(FileStore(Path("none"))))
    *before, finding = examination.findings()
    assert (finding.step, sentence in finding.sentence) == (step, True), finding
    assert finding.fault is not None
    assert finding.fault.exit_code == code
    assert action in cure(finding.sentence)
    assert not any(finding.fault or finding.is_unknown for finding in before)
    assert cluster.changing() == []


def mounted(look: Look) -> list[dict[str, Any]]:
    """Return the bound claims that a look's pods mount."""
    names = {
        volume["persistentVolumeClaim"]["claimName"]
        for thing in look
        if thing["kind"] == "Pod"
        for volume in thing["spec"]["volumes"]
        if "persistentVolumeClaim" in volume
    }
    return [claim() | {"metadata": {"name": name}} for name in names]


@pytest.fixture(autouse=True)
def fresh_programs() -> Iterator[None]:
    """Forget where kubectl and helm are: each test has its own."""
    yield
    programs.find.cache_clear()


@pytest.mark.parametrize(
    ("situation", "code", "line"),
    [
        ("claim-missing", 6, "WRONG  claim    there is no claim models-112"),
        ("bad-data", 3, "WRONG  training  the training failed: 1 malformed rows"),
        ("corrupt-model-of-a-ready-site", 4, "WRONG  waiter    the waiter of pod scoring-"),
    ],
)
def test_the_command_ends_with_the_code_of_the_fault(
    release: Release, cluster: Cluster, situation: str, code: int, line: str
) -> None:
    """It prints the steps, the fault and its cure; as JSON, too."""
    build, _, _, _, action = FAULTS[situation]
    (*_, last) = looks(situation).values()
    install(cluster, build, *last)
    result = doctor(release, cluster, build)
    assert result.code == code
    assert line in result.output
    assert f"What to do: {cure(result.errors.removeprefix('release: ').strip())}." in result.output
    assert action in result.output
    data = doctor(release, cluster, build, "--output", "json").json
    assert (data["exit_code"], data["steps"][-1]["outcome"]) == (code, "WRONG")


def test_a_training_on_its_way_is_no_fault(release: Release, cluster: Cluster) -> None:
    """It shows the progress; the site cannot be ready yet."""
    held = pod("s", "152", status="")
    held["status"] = {
        "phase": "Pending",
        "conditions": [{"type": "Initialized", "status": "False"}],
        "initContainerStatuses": [{"name": "waiter-container", "state": {"running": {}}}],
    }
    install(
        cluster, "152", job("152"), pod("t", "152", "trainer"), deployment("152", ready=0), held
    )
    cluster.change(logs={"t": "search: 45 %\n"})
    result = doctor(release, cluster, "152")
    assert result.code == 0, result.errors
    assert "not yet  training  search: 45 %" in result.output
    assert "not yet  waiter    1 pods are held until the model is complete" in result.output
    assert result.output.endswith("Nothing is wrong so far.\n")


def test_a_site_that_is_not_ready_after_its_training(release: Release, cluster: Cluster) -> None:
    """Exit code 7, as for `release deploy`."""
    install(cluster, "152", job("152", Complete=""), deployment("152", ready=1), pod("s", "152"))
    result = doctor(release, cluster, "152")
    assert result.code == 7
    assert "WRONG  site      1 of 2 pods are ready" in result.output
    assert "What to do: right after a training wait a minute" in result.output


def test_a_build_that_is_not_installed_is_refused(release: Release, cluster: Cluster) -> None:
    """By its number, tenant and namespace."""
    result = doctor(release, cluster, "999", "--tenant", "acme")
    assert result.code == 2
    assert "build 999 of tenant acme is not installed in namespace default" in result.errors


@pytest.mark.parametrize("status", ["pending-install", "failed"])
def test_an_unfinished_installation_is_the_first_fault(
    release: Release, cluster: Cluster, status: str
) -> None:
    """Whatever its objects say."""
    install(cluster, "152", deployment("152"), service("152"), status=status)
    result = doctor(release, cluster, "152")
    assert result.code == 5
    assert f"mlrelease-152 is {status}: " in result.output
    assert "What to do: see" not in result.output


def test_a_secret_without_the_entry_is_named(release: Release, cluster: Cluster) -> None:
    """The Secret is there, and has another key; its values are never read."""
    training = job("152")
    (container,) = training["spec"]["template"]["spec"]["containers"]
    reference = {"name": "blob-storage", "key": "BLOB_STORAGE_KEY"}
    container["env"].append({"name": "K", "valueFrom": {"secretKeyRef": reference}})
    install(cluster, "152", training, deployment("152"))
    cluster.add({"kind": "Secret", "metadata": {"name": "blob-storage"}, "data": {"other": "YQ=="}})
    result = doctor(release, cluster, "152")
    assert result.code == 6
    assert "Secret blob-storage has no entry BLOB_STORAGE_KEY" in result.output
    (call,) = [call for call in cluster.calls if call[1:3] == ["get", "secret"]]
    assert call[-1] == "go-template={{range $name, $value := .data}}{{$name}} {{end}}"


def test_a_secret_that_may_not_be_read_is_no_fault(release: Release, cluster: Cluster) -> None:
    """The step is unknown, and the examination goes on."""
    training = job("152")
    (container,) = training["spec"]["template"]["spec"]["containers"]
    reference = {"name": "blob-storage", "key": "BLOB_STORAGE_KEY"}
    container["env"].append({"name": "K", "valueFrom": {"secretKeyRef": reference}})
    install(cluster, "152", training, deployment("152", ready=0))
    cluster.change(fail={"kubectl get secret": "secrets is forbidden"})
    result = doctor(release, cluster, "152")
    assert "unknown  secret" in result.output
    assert result.code == 0, result.output
