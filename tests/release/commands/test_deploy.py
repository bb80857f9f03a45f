"""`release deploy` in a fake cluster: every end of a deployment, in one sentence."""

import io
import json
import threading
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from tests.release.conftest import Release, Result
from tests.release.fake_cluster import Cluster, claim, deployment, job, pod
from tests.release.recorded import looks

from modelsystem_release import artefact
from modelsystem_release.cluster import Stage, helm, programs
from modelsystem_release.commands.deploy import StageLog
from modelsystem_shared.errors import ServiceError

Deploy = Callable[..., Result]
RELEASE = "mlrelease-152"


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """Return a fake cluster with a bound claim."""
    empty = Cluster(tmp_path / "cluster")
    empty.add(claim())
    return empty


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
    """Return a function that deploys the artefact; each snapshot shows the next frame."""

    def call(*frames: list[dict[str, Any]], **options: object) -> Result:
        cluster.change(frames={RELEASE: list(frames)})
        more = [part for name, value in options.items() for part in (f"--{name}", value)]
        arguments = ("deploy", package, "--namespace", "prod", *more)
        return release(*arguments, environ=cluster.environ)

    return call


def test_it_installs_and_logs_each_stage(deploy: Deploy, cluster: Cluster) -> None:
    """Phase and share from the trainer's log, then the site's pods, then the end."""
    line = json.dumps({"program": "trainer", "message": "search: 45 %"})
    cluster.change(logs={"t": f"noise\n{line}\nmore noise\n"})
    result = deploy(
        [job("152"), pod("t", "152", "trainer"), deployment("152", ready=0)],
        [job("152", Complete=""), deployment("152", ready=1)],
        [job("152", Complete=""), deployment("152")],
    )
    assert result.code == 0, result.errors
    assert result.errors.splitlines() == [
        "release: training: search: 45 %; site: 0 of 2 pods ready",
        "release: training: done; site: 1 of 2 pods ready",
        "release: training: done; site: 2 of 2 pods ready",
    ]
    assert result.output == f"build 152 is ready as {RELEASE}\n"
    (call,) = cluster.changing()
    assert call[:4] == ["helm", "upgrade", "--install", RELEASE]


def test_progress_never_goes_back_to_starting(deploy: Deploy, cluster: Cluster) -> None:
    """The trainer has ended, and its Job is not complete yet."""
    cluster.change(logs={"t": "fit: 100 %\n"})
    ended = pod("t", "152", "trainer", phase="Succeeded")
    site = deployment("152", ready=0)
    result = deploy(
        [job("152"), pod("t", "152", "trainer"), site],
        [job("152"), ended, site],
        [job("152", Complete=""), ended, deployment("152")],
    )
    assert "starting" not in result.errors
    assert "training: fit: 100 %" in result.errors


def test_the_same_artefact_again_changes_nothing(
    deploy: Deploy, cluster: Cluster, package: Path, release: Release
) -> None:
    """It is watched only; another artefact under the same number is refused."""
    ready = [job("152", Complete=""), deployment("152")]
    for _ in range(2):
        assert deploy(ready).code == 0
    assert len(cluster.changing()) == 1
    contents = artefact.read(package).contents | {"templates/new.yaml": b"a: 1\n"}
    _, content = artefact.make(contents, {}, package)
    package.write_bytes(content)
    result = deploy(ready)
    assert result.code == 2
    assert "a build never changes, use a new build number" in result.errors
    assert len(cluster.changing()) == 1


def test_a_dry_run_only_asks_helm(
    deploy: Deploy, release: Release, cluster: Cluster, package: Path
) -> None:
    """It installs nothing and watches nothing."""
    call = ("deploy", package, "--namespace", "prod", "--dry-run")
    result = release(*call, environ=cluster.environ)
    assert result.code == 0, result.errors
    assert "would be installed" in result.output
    assert cluster.state["releases"] == {}
    assert "--dry-run=server" in cluster.calls[-1]


def test_a_dry_run_of_an_installed_build_does_not_say_ready(
    deploy: Deploy, release: Release, cluster: Cluster, package: Path
) -> None:
    """Its training may have failed."""
    assert deploy([job("152", Failed="x"), deployment("152")]).code == 3
    call = ("deploy", package, "--namespace", "prod", "--dry-run")
    result = release(*call, environ=cluster.environ)
    assert result.code == 0, result.errors
    assert "is installed already" in result.output


def test_an_autoscaled_site_is_ready_with_its_least_number_of_pods(deploy: Deploy) -> None:
    """Its Deployment wants one pod until the autoscaler has acted, as recorded: 2 at 18 s."""
    early, *_, last = looks("autoscaled-install", RELEASE).values()
    (site,) = [deepcopy(thing) for thing in early if thing["kind"] == "Deployment"]
    assert site["spec"]["replicas"] == 1
    site["status"] |= {"readyReplicas": 1, "observedGeneration": 9}
    scaler = {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "s", "labels": site["metadata"]["labels"]},
        "spec": {"minReplicas": 2, "maxReplicas": 4},
    }
    alone = [*(thing for thing in last if thing["kind"] == "Job"), site, scaler]
    result = deploy(alone, alone, [*last, scaler])
    assert result.code == 0, result.errors
    assert "training: done; site: 1 of 1 pods ready" in result.errors
    assert result.errors.splitlines()[-1] == "release: training: done; site: 2 of 2 pods ready"


def test_a_failed_training_outranks_a_ready_site(deploy: Deploy) -> None:
    """The folder's model was made with other settings: the site serves it, the Job refuses."""
    result = deploy(*looks("refused-but-site-ready", RELEASE).values())
    assert result.code == 3, result.errors
    assert "the training failed: NEIGHBOURS is '7'" in result.errors.splitlines()[-1]
    assert "1 of 1 pods ready" in result.errors


def test_a_release_that_is_uninstalled_meanwhile_ends_it(deploy: Deploy) -> None:
    """Nothing can come any more."""
    result = deploy(*looks("uninstalled-while-training", RELEASE).values())
    assert result.code == 6, result.errors
    assert result.errors.splitlines()[-1] == (
        f"release: {RELEASE} was uninstalled while it was watched"
    )


@pytest.mark.parametrize(
    ("situation", "code", "words"),
    [
        (
            "bad-data",
            3,
            "the training failed: 1 malformed rows, and MAX_BAD_ROWS is 0: interactions",
        ),
        ("secret-missing", 6, 'CreateContainerConfigError: secret "storage-113" not found'),
        ("unschedulable", 6, "has no node: 0/1 nodes are available: 1 Insufficient cpu."),
        ("claim-pending", 6, "is Pending, not Bound (for 0 s)"),
        ("scorer-oomkilled", 6, "killed for memory at 32Mi"),
        ("serviceaccount-missing", 6, 'serviceaccount "modelsystem-114" not found'),
        ("pod-security", 6, 'violates PodSecurity "restricted:latest"'),
        ("quota-exceeded", 6, "exceeded quota: team-quota"),
        ("corrupt-model-installed-again", 4, "the waiter of pod"),
        ("waiter-oomkilled", 6, "killed for memory at 16Mi"),
        ("trainer-image-missing", 6, "localhost:5000/public/trainer:107"),
    ],
)
def test_what_cannot_come_any_more_ends_it_within_the_patience(
    deploy: Deploy, situation: str, code: int, words: str
) -> None:
    """As the cluster showed it; each with its exit code."""
    frames = [*looks(situation, RELEASE).values()]
    is_cured = situation == "quota-exceeded"
    result = deploy(*(frames[:4] if is_cured else frames[-4:]), patience=0)
    assert result.code == code, result.errors
    assert words in result.errors.splitlines()[-1]


def test_a_storage_that_stays_silent_ends_it_within_the_patience(deploy: Deploy) -> None:
    """While the Job goes on trying; with the trainer's sentence and exit code 5."""
    (look,) = [look for second, look in looks("trainer-oomkilled", RELEASE).items() if second == 48]
    silent = "https://etl.example: the storage does not answer"
    for thing in look:
        for status in thing.get("status", {}).get("containerStatuses", []):
            if "terminated" in status.get("state", {}):
                status["state"]["terminated"] = {"exitCode": 5, "message": silent}
    result = deploy(look, patience=0)
    assert result.code == 5, result.errors
    assert f"starting (again, after: {silent})" in result.errors
    last = f"release: the training cannot go on: {silent} (for 0 s)"
    assert result.errors.splitlines()[-1] == last


def test_a_short_delay_does_not_end_it(deploy: Deploy) -> None:
    """The quota was raised after 109 s, and the controllers went on by themselves."""
    frames = looks("quota-exceeded", RELEASE)
    result = deploy(*(frames[second] for second in frames if second < 8 or second > 160))
    assert result.code == 0, result.errors


def test_too_late_it_ends_with_its_stage(deploy: Deploy) -> None:
    """Exit code 7."""
    result = deploy([job("152"), deployment("152", ready=1)], timeout=0)
    assert result.code == 7
    assert result.errors.splitlines()[-1] == (
        "release: not ready after 0 s: training: starting; site: 1 of 2 pods ready"
    )


def test_the_deadline_is_that_of_the_installed_deployment(deploy: Deploy) -> None:
    """The chart's, unless --timeout is given."""
    site = deployment("152", ready=1)
    site["spec"]["progressDeadlineSeconds"] = 0
    result = deploy([job("152"), site])
    assert result.code == 7
    assert "not ready after 0 s" in result.errors


class Terminal(io.StringIO):
    """Standard error that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_progress_of_the_training_stays_on_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each stage of the site has a line of its own; the same stage again is not repeated."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    log = StageLog()
    for stage in (
        Stage(False, "search: 45 %", 0, 2),
        Stage(False, "fit: 10 %", 0, 2),
        Stage(True, "", 0, 2),
        Stage(True, "", 2, 2),
        Stage(True, "", 2, 2),
    ):
        log(stage)
    assert terminal.getvalue().replace("\r\x1b[K", "^") == (
        "^training: search: 45 %; site: 0 of 2 pods ready"
        "^training: fit: 10 %; site: 0 of 2 pods ready"
        "^training: done; site: 0 of 2 pods ready\n"
        "^training: done; site: 2 of 2 pods ready\n"
    )


def test_a_cluster_that_does_not_answer_is_no_refusal(deploy: Deploy, cluster: Cluster) -> None:
    """With Helm's words, and exit code 5: run it again."""
    cluster.change(fail={"helm upgrade": "Kubernetes cluster unreachable: connection refused"})
    result = deploy([])
    assert result.code == 5
    assert "Kubernetes cluster unreachable" in result.errors


def test_a_second_deploy_waits_for_the_first(
    deploy: Deploy, cluster: Cluster, package: Path
) -> None:
    """It then watches the same release."""
    built = artefact.read(package)
    pending = {"status": "pending-install", "description": "Initial install underway"}
    cluster.install(RELEASE, **pending)

    def finish() -> None:
        cluster.install(RELEASE, description=built.description)

    first = threading.Timer(3, finish)
    first.start()
    result = deploy([job("152", Complete=""), deployment("152")])
    first.join()
    assert result.code == 0, result.errors
    assert cluster.changing() == []


def test_a_killed_installation_is_named(
    cluster: Cluster, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Helm leaves it pending for ever; the sentence has the cure."""
    cluster.install(RELEASE, status="pending-install")
    for name, value in cluster.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(helm, "_PENDING", 0)
    programs.find.cache_clear()
    with pytest.raises(ServiceError, match=f"helm uninstall {RELEASE} --namespace prod"):
        helm.install(artefact.read(package), "prod", is_dry_run=False)
    programs.find.cache_clear()


def test_a_missing_program_is_named(release: Release, package: Path, tmp_path: Path) -> None:
    """Helm is required."""
    environ = {"PATH": str(tmp_path)}
    result = release("deploy", package, "--namespace", "prod", environ=environ)
    assert result.code == 5
    assert "helm is not on PATH: install it" in result.errors
