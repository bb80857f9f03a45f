"""`release status` on a recorded cluster: each situation is a build of one namespace."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.programs import running
from tests.release.conftest import Release, Result
from tests.release.fake_cluster import Cluster, claim, deployment, job, pod
from tests.release.recorded import looks

from modelsystem_release.diagnosis import State

# Situation, its number as recorded, and the state that its last look shows.
SITUATIONS = {
    "healthy": ("101", State.READY, ""),
    "bad-data": ("102", State.TRAINING_FAILED, "interactions.csv line 2"),
    "trainer-oomkilled": ("103", State.TRAINING_FAILED, "killed for memory at 64Mi"),
    "scorer-oomkilled": ("104", State.CANNOT_RUN, "killed for memory at 32Mi"),
    "corrupt-model-of-a-ready-site": ("106", State.MODEL_REFUSED, "is not the file that"),
    "trainer-image-missing": ("107", State.HELD_UP, "cannot start: "),
    "unschedulable": ("110", State.HELD_UP, "Insufficient cpu"),
    "claim-pending": ("111", State.HELD_UP, "is Pending, not Bound"),
    "claim-missing": ("112", State.HELD_UP, 'persistentvolumeclaim "models-112" not found'),
    "secret-missing": ("113", State.CANNOT_RUN, 'secret "storage-113" not found'),
    "serviceaccount-missing": ("114", State.HELD_UP, 'serviceaccount "modelsystem-114" not found'),
    "pod-security": ("116", State.HELD_UP, 'violates PodSecurity "restricted:latest"'),
    "training-deadline": ("117", State.TRAINING_FAILED, "it was not done after 60 s"),
}


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """Return an empty namespace with a bound claim."""
    empty = Cluster(tmp_path / "cluster")
    empty.add(claim())
    return empty


def install(cluster: Cluster, build: str, *things: dict[str, Any], **release: Any) -> None:
    """Install a build with these objects."""
    cluster.install(f"mlrelease-{build}", app_version=build, **release)
    cluster.add(*things)


def status(release: Release, cluster: Cluster, *arguments: str) -> Result:
    """Show the namespace, without counting requests."""
    return release("status", "--over", "0", *arguments, environ=cluster.environ)


def by_number(result: Result) -> dict[str, Any]:
    """Return the builds in an answer as JSON, by their numbers."""
    return {build["number"]: build for build in result.json["builds"]}


def test_every_recorded_situation_has_its_state(release: Release, cluster: Cluster) -> None:
    """All in one namespace and one look, each with the sentence of what is wrong."""
    for situation, (build, _, _) in SITUATIONS.items():
        (*_, last) = looks(situation).values()
        install(cluster, build, *last)
    result = status(release, cluster, "--output", "json")
    assert result.code == 0, result.errors
    builds = by_number(result)
    assert len(builds) == len(SITUATIONS)
    for situation, (build, state, sentence) in SITUATIONS.items():
        assert builds[build]["condition"]["state"] == state, (situation, builds[build])
        assert sentence in builds[build]["condition"]["sentence"]
    text = status(release, cluster).output
    assert "\n102: the training failed: 1 malformed rows, and MAX_BAD_ROWS is 0: " in text
    assert cluster.changing() == []


def test_a_training_shows_phase_and_share(release: Release, cluster: Cluster) -> None:
    """From the running trainer's log; after a failed attempt, with its reason."""
    install(cluster, "152", job("152"), pod("t", "152", "trainer"), deployment("152", ready=0))
    cluster.change(logs={"t": "search: 45 %\n"})
    result = status(release, cluster)
    assert "152    training: search: 45 %" in result.output
    assert "0/2" in result.output


@pytest.mark.parametrize(
    ("ready", "replicas", "state"),
    [(0, 2, State.NOT_READY), (1, 2, State.NOT_READY), (2, 2, State.READY), (0, 0, State.STOPPED)],
)
def test_a_site_is_ready_with_all_its_pods(
    release: Release, cluster: Cluster, ready: int, replicas: int, state: State
) -> None:
    """Scaled to none, it is stopped."""
    install(cluster, "152", job("152", Complete=""), deployment("152", ready, replicas))
    (build,) = by_number(status(release, cluster, "--output", "json")).values()
    assert build["condition"]["state"] == state
    assert (build["pods_ready"], build["pods"]) == (ready, replicas)


def test_a_release_that_helm_has_not_completed_is_not_installed(
    release: Release, cluster: Cluster
) -> None:
    """Nor is one whose Deployment somebody has removed."""
    install(cluster, "152", deployment("152"), status="pending-install")
    install(cluster, "153")
    builds = by_number(status(release, cluster, "--output", "json"))
    assert {build["condition"]["state"] for build in builds.values()} == {State.NOT_INSTALLED}
    assert builds["152"]["condition"]["sentence"] == "Helm's release is pending-install"


def test_traffic_and_retention_have_their_columns(release: Release, cluster: Cluster) -> None:
    """Weights, the champion, mirrors and testers; and what `release prune` would remove."""
    for build in ("150", "151", "152", "153", "154"):
        install(cluster, build, job(build, Complete=""), deployment(build))
    cluster.route(
        {"152": 90, "153": 10, "151": 0, "154": 0},
        mirror={"build": "151"},
        testers=[{"build": "154", "header": "X-T", "value": "1"}],
    )
    builds = by_number(status(release, cluster, "--output", "json", "--keep", "0"))
    assert builds["152"]["share"] == {"weight": 90, "is_champion": True, "reasons": []}
    assert builds["153"]["stays"] == "has 10 % of the traffic"
    assert builds["151"]["stays"] == "is mirrored to"
    assert [number for number, build in builds.items() if build["can_be_pruned"]] == ["150"]
    lines = {line[:3]: line for line in status(release, cluster, "--keep", "0").output.splitlines()}
    assert "90 %, champion" in lines["152"]
    assert " mirrored " in lines["151"]
    assert " testers " in lines["154"]
    assert lines["150"].endswith("can be pruned")


def test_routes_that_cannot_be_read_are_no_reason_to_prune(
    release: Release, cluster: Cluster
) -> None:
    """The column says that it is not known."""
    install(cluster, "152", job("152", Complete=""), deployment("152"))
    cluster.change(fail={"kubectl get deployments,services,ingresses": "services is forbidden"})
    result = status(release, cluster, "--keep", "0")
    assert result.code == 0
    assert result.output.splitlines()[1].endswith("unknown")


def test_the_verdict_of_the_gate_is_shown(release: Release, cluster: Cluster) -> None:
    """With the rules that were broken."""
    refused = deployment("152")
    refused["metadata"]["annotations"] = {
        "modelsystem/gate": '{"passed": false, "champion": "151", "at": "t", "reason": "ndcg: bad"}'
    }
    by_hand = deployment("153")
    by_hand["metadata"]["annotations"] = {"modelsystem/gate": "passed, I think"}
    install(cluster, "152", refused)
    install(cluster, "153", by_hand)
    result = status(release, cluster)
    assert "152: the gate refused it: ndcg: bad" in result.output
    assert " refused " in result.output
    assert "I think" not in result.output


def test_tenants_are_shown_side_by_side_or_alone(release: Release, cluster: Cluster) -> None:
    """A tenant's builds have their own route, and their own newest ones."""
    of_tenant = deployment("152")
    of_tenant["metadata"]["labels"] |= {
        "app.kubernetes.io/instance": "mlrelease-152-acme", "modelsystem/tenant": "acme",
    }  # fmt: skip
    cluster.install("mlrelease-152-acme", app_version="152")
    cluster.add(of_tenant)
    install(cluster, "152", deployment("152"))
    assert "TENANT" in status(release, cluster).output
    alone = status(release, cluster, "--tenant", "acme", "--output", "json").json["builds"]
    assert [build["release"] for build in alone] == ["mlrelease-152-acme"]
    without = status(release, cluster, "--tenant", "", "--output", "json").json["builds"]
    assert [build["release"] for build in without] == ["mlrelease-152"]


def test_a_site_that_does_not_answer_is_noted(release: Release, cluster: Cluster) -> None:
    """The table is shown nevertheless."""
    install(cluster, "152", job("152", Complete=""), deployment("152"), pod("s", "152"))
    result = status(release, cluster)
    assert result.code == 0
    assert "\n152: kubectl get --raw /api/v1/namespaces/default/pods/s:3000/proxy/" in result.output


def test_an_empty_namespace_is_named(release: Release, cluster: Cluster) -> None:
    """In words, not by an empty table; one that does not exist is refused."""
    assert (
        "no build is installed in namespace models"
        in status(release, cluster, "--namespace", "models").output
    )
    assert status(release, cluster, "--namespace", "absent").code == 2


def test_watching_shows_what_has_changed(
    release: Release, cluster: Cluster, tmp_path: Path
) -> None:
    """JSON has one line for each look, and an answer that fails does not end it."""
    install(cluster, "152", job("152"), deployment("152", ready=0))
    arguments = ("status", "--watch", "0.2", "--output", "json")
    with running(
        [sys.executable, "-m", "modelsystem_release", *arguments],
        cwd=tmp_path,
        env=cluster.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        assert '"training"' in process.stdout.readline()
        cluster.change(fail={"helm list": "no connection"})
        assert "no connection; trying again" in process.stderr.readline()
        cluster.change(fail={}, objects=[claim(), job("152", Complete=""), deployment("152")])
        while '"state": "ready"' not in (line := process.stdout.readline()):
            assert line
