"""`release deploy` in a recorded cluster: every end that a deployment can have, in one sentence."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.release.conftest import Release, Told
from tests.release.fake_cluster import Cluster, claim, deployment, job, pod

from modelsystem_release.artefact import artefact

Deploy = Callable[..., Told]
RELEASE = "mlrelease-152"


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """Return a recorded cluster with a bound claim."""
    made = Cluster(tmp_path / "cluster")
    made.add(claim())
    return made


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return an artefact of build 152."""
    contents = {"Chart.yaml": b"name: sample\n", "values.yaml": b'build:\n  number: "152"\n'}
    build, content = artefact.make(contents, {"modelsystem/commit": "c" * 40}, tmp_path)
    path = tmp_path / f"{build}.tar.gz"
    path.write_bytes(content)
    return path


@pytest.fixture
def deploy(release: Release, cluster: Cluster, package: Path) -> Deploy:
    """Return a function that deploys the artefact; each look at it shows the next frame."""

    def call(*frames: list[dict[str, Any]], **options: object) -> Told:
        cluster.change(frames={RELEASE: list(frames)})
        given = [part for name, value in options.items() for part in (f"--{name}", value)]
        call = ("deploy", package, "--namespace", "prod", *given)
        return release(*call, environ=cluster.environ)

    return call


def waiting(name: str, reason: str, message: str = "") -> dict[str, Any]:
    """Return the status of a container that waits."""
    return {"name": name, "state": {"waiting": {"reason": reason, "message": message}}}


def unschedulable(message: str) -> dict[str, Any]:
    """Return the status of a pod without a node."""
    condition = {
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message
    }  # fmt: skip
    return {"phase": "Pending", "conditions": [condition]}


def test_it_installs_and_tells_how_far_it_is(deploy: Deploy, cluster: Cluster) -> None:
    """Phase and share from the trainer's log, then the site's pods, then the end."""
    line = json.dumps({"program": "trainer", "message": "Search: 45 %"})
    cluster.change(logs={"t": f"noise\n{line}\nmore noise\n"})
    told = deploy(
        [job("152"), pod("t", "152", "trainer"), deployment("152", ready=0)],
        [job("152", Complete=""), deployment("152", ready=1)],
        [job("152", Complete=""), deployment("152")],
    )
    assert told.code == 0, told.errors
    assert told.errors.splitlines() == [
        "release: training: Search: 45 %; site: 0 of 2 pods ready",
        "release: training: done; site: 1 of 2 pods ready",
        "release: training: done; site: 2 of 2 pods ready",
    ]
    assert told.output == f"build 152 is ready as {RELEASE}\n"
    (call,) = cluster.changing()
    assert call[:4] == ["helm", "upgrade", "--install", RELEASE]


def test_the_same_artefact_again_changes_nothing(
    deploy: Deploy, cluster: Cluster, package: Path, release: Release
) -> None:
    """It is watched as it is; another artefact under the same number is refused."""
    ready = [job("152", Complete=""), deployment("152")]
    for _ in range(2):
        assert deploy(ready).code == 0
    assert len(cluster.changing()) == 1
    contents = artefact.read(package).contents | {"templates/new.yaml": b"a: 1\n"}
    _, content = artefact.make(contents, {}, package)
    package.write_bytes(content)
    told = deploy(ready)
    assert told.code == 2
    assert "a build never changes, cut a new one" in told.errors
    assert len(cluster.changing()) == 1


def test_a_dry_run_only_asks_helm(
    deploy: Deploy, release: Release, cluster: Cluster, package: Path
) -> None:
    """Nothing is installed, nothing watched."""
    call = ("deploy", package, "--namespace", "prod", "--dry-run")
    told = release(*call, environ=cluster.environ)
    assert told.code == 0, told.errors
    assert cluster.state["releases"] == {}
    assert "--dry-run=server" in cluster.calls[-1]


def test_a_failed_training_ends_it_with_the_trainers_own_reason(deploy: Deploy) -> None:
    """The last words of the attempt that ended last, and exit code 3."""
    ended = [
        pod(f"t{n}", "152", "trainer", phase="Failed", containerStatuses=[{
            "name": "trainer",
            "state": {"terminated": {"exitCode": 3, "message": words, "finishedAt": at}},
        }])
        for n, (words, at) in enumerate(
            [("old words", "2026-11-24T01:00:00Z"), ("a.csv:7: no item_id", "2026-11-24T02:00:00Z")]
        )
    ]  # fmt: skip
    told = deploy([job("152", Failed="BackoffLimitExceeded"), *ended, deployment("152", ready=0)])
    assert told.code == 3
    assert told.errors.splitlines()[-1] == "release: the training failed: a.csv:7: no item_id"


CANNOT = {
    "image": (
        pod("s", "152", initContainerStatuses=[
            waiting("waiter-container", "ImagePullBackOff", "no acr/waiter:152")
        ]),
        "waiter-container of pod s cannot start: ImagePullBackOff: no acr/waiter:152",
    ),
    "secret": (
        pod("t", "152", "trainer", containerStatuses=[
            waiting("trainer", "CreateContainerConfigError", 'secret "storage" not found')
        ]),
        'cannot start: CreateContainerConfigError: secret "storage" not found',
    ),
    "node": (
        pod("t", "152", "trainer", **unschedulable("0/3 nodes: Insufficient memory.")),
        "pod t has no node: 0/3 nodes: Insufficient memory. (for 0 s)",
    ),
    "crash": (
        pod("s", "152", containerStatuses=[
            {"name": "scorer", "restartCount": 4, "state": {},
             "lastState": {"terminated": {"message": "port 3000 is taken"}}}
        ]),
        "the scorer of pod s keeps ending: port 3000 is taken",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CANNOT)
def test_what_cannot_run_is_said_at_once(deploy: Deploy, case: str) -> None:
    """Images, Secrets, nodes, and a scorer that keeps ending: exit code 6, one sentence."""
    thing, sentence = CANNOT[case]
    started = time.monotonic()
    told = deploy([job("152"), thing, deployment("152", ready=0)], patience=0)
    assert told.code == 6, told.errors
    assert sentence in told.errors.splitlines()[-1]
    assert time.monotonic() - started < 20


def test_an_unbound_claim_is_named(deploy: Deploy, cluster: Cluster) -> None:
    """It is what the pods wait for, so it is what is said."""
    cluster.change(objects=[claim("Pending")])
    told = deploy([job("152"), pod("t", "152", "trainer", **unschedulable("unbound"))], patience=0)
    assert told.code == 6
    assert "claim azurefilecustom is not bound but Pending" in told.errors


def test_a_short_delay_is_borne(deploy: Deploy) -> None:
    """A node may be on its way: only what lasts ends the deployment."""
    slow = pod("t", "152", "trainer", **unschedulable("scaling up"))
    told = deploy([job("152"), slow, deployment("152", ready=0)], [job("152"), deployment("152")])
    assert told.code == 0, told.errors


def test_the_deadline_says_how_far_it_came(deploy: Deploy) -> None:
    """Exit code 7."""
    told = deploy([job("152"), deployment("152", ready=1)], timeout=0)
    assert told.code == 7
    assert told.errors.splitlines()[-1] == (
        "release: not ready after 0 s: training: starting; site: 1 of 2 pods ready"
    )


def test_helms_own_reason_is_told(deploy: Deploy, cluster: Cluster) -> None:
    """A chart that refuses its values does so in a sentence of its own."""
    cluster.change(fail={"helm upgrade": "execution error: outputs.claim: there is no claim x"})
    told = deploy([])
    assert told.code == 5
    assert "outputs.claim: there is no claim x" in told.errors


def test_a_missing_program_is_named(release: Release, package: Path, tmp_path: Path) -> None:
    """Without Helm nothing is guessed."""
    environ = {"PATH": str(tmp_path)}
    told = release("deploy", package, "--namespace", "prod", environ=environ)
    assert told.code == 5
    assert "helm is not on PATH: install it" in told.errors
