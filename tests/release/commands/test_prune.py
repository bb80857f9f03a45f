"""`release prune`: which builds stay, and how a build is removed."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.release.conftest import Release, Result
from tests.release.fake_cluster import Cluster, deployment, pod, service
from tests.release.recorded import looks, recorded

from modelsystem_release import cluster as cluster_room

REMOVAL = Path(cluster_room.__file__).with_name("removal.py")
BUILDS = [str(n) for n in range(140, 154)]


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """Return a cluster with 14 builds, the last one installed just now."""
    full = Cluster(tmp_path / "cluster")
    for day, build in enumerate(BUILDS, 1):
        when = f"2026-01-{day:02} 03:00:00.123456789 +0000 UTC"
        if build == "153":
            when = time.strftime("%Y-%m-%d %H:%M:%S.5 +0000 UTC", time.gmtime())
        full.install(f"mlrelease-{build}", app_version=build, updated=when)
        full.add(deployment(build), service(build))
    full.install("mlrelease-140-acme", app_version="140")  # another tenant's
    full.install("something-else", app_version="1")
    change = {
        "id": "1", "action": "set", "by": "a", "at": "t", "why": "",
        "before": {"141": 100}, "after": {"152": 100},
    }  # fmt: skip
    full.route(
        {"152": 100, "144": 0},
        mirror={"build": "142"},
        testers=[{"build": "143", "header": "X-T", "value": "1"}],
        annotations={"modelsystem/changes": json.dumps([change])},
    )
    return full


def call(release: Release, cluster: Cluster, *arguments: str) -> Result:
    """Prune."""
    return release("prune", *arguments, environ=cluster.environ)


def test_needed_builds_stay(release: Release, cluster: Cluster) -> None:
    """Routed, mirrored, tested, the champion before, the young and the newest."""
    result = call(release, cluster, "--keep", "4", "--dry-run", "--output", "json")
    assert result.code == 0, result.errors
    assert result.json["kept"] == {
        "153": "is younger than 7 days",
        "152": "has 100 % of the traffic",
        "151": "is among the newest 4",
        "150": "is among the newest 4",
        "144": "is listed by the route",
        "143": "is kept for testers",
        "142": "is mirrored to",
        "141": "is the champion before the current one",
    }
    assert result.json["removed"] == ["149", "148", "147", "146", "145", "140"]
    assert cluster.changing() == []
    assert "would be removed" in call(release, cluster, "--dry-run").output


def test_what_any_routing_release_lists_stays(release: Release, cluster: Cluster) -> None:
    """Whatever its name, and if there are several."""
    for name, build in (("traffic", "145"), ("canary", "146")):
        cluster.install(
            name,
            chart="modelsystem-routing-1.2.0",
            values={"builds": [{"number": build, "weight": 100}]},
        )
    result = call(release, cluster, "--keep", "4", "--dry-run", "--output", "json")
    assert result.code == 0, result.errors
    assert (
        result.json["kept"].items()
        >= {
            "146": "has 100 % of the traffic",
            "145": "has 100 % of the traffic",
            "144": "is listed by the route",
        }.items()
    )


def test_what_any_route_refers_to_stays(release: Release, cluster: Cluster) -> None:
    """Also one that was made by hand."""
    (route,) = [
        r for r in recorded("httproutes") if r["metadata"]["name"] == "route-backend-absent"
    ]
    text = json.dumps(route).replace("scoring-101", "scoring-140").replace("199", "147")
    cluster.add(json.loads(text))
    result = call(release, cluster, "--keep", "0", "--dry-run", "--output", "json")
    assert result.code == 0, result.errors
    for build in ("140", "147"):
        reason = "gets requests from HTTPRoute route-backend-absent"
        assert result.json["kept"][build] == reason


@pytest.mark.parametrize(
    "command",
    ["kubectl get httproutes", "kubectl get deployments,services", "helm get values", "helm list"],
)
def test_it_refuses_without_the_routes(release: Release, cluster: Cluster, command: str) -> None:
    """No permission is no permission to remove."""
    cluster.change(fail={command: "Error from server (Forbidden): httproutes is forbidden"})
    result = call(release, cluster, "--keep", "0")
    assert result.code == 5
    assert "is forbidden" in result.errors
    assert cluster.changing() == []


@pytest.mark.parametrize("command", [("prune",), ("route", "show"), ("gate", "153")])
def test_a_namespace_that_does_not_exist_is_refused(
    release: Release, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """Helm and kubectl list nothing there and end with 0, as if nothing were installed."""
    empty = Cluster(tmp_path / "empty")
    result = release(*command, "--namespace", "absent", environ=empty.environ)
    assert result.code == 2, result.errors
    assert result.errors.splitlines()[-1] == "release: there is no namespace absent"


def test_pods_model_and_release_are_removed_in_this_order(
    release: Release, cluster: Cluster
) -> None:
    """The Job has image, user and claim of the build's waiter, but may write."""
    cluster.add(pod("scoring-deployment-140-a", "140"))
    result = call(release, cluster, "--keep", "13")
    assert result.code == 0, result.errors
    verbs = [(c[0], c[1]) for c in cluster.changing()]
    assert verbs == [
        ("kubectl", "scale"), ("kubectl", "delete"), ("kubectl", "create"), ("kubectl", "delete"),
        ("helm", "uninstall"),
    ]  # fmt: skip
    assert "mlrelease-140" not in cluster.state["releases"]
    assert "mlrelease-140-acme" in cluster.state["releases"]
    job = json.loads(cluster.changing()[2][-1])
    spec = job["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert container["image"] == "acr.example/modelsystem/waiter:152"
    assert {e["name"]: e["value"] for e in container["env"]} == {
        "MOUNT": "/mnt/azure", "MODELFOLDER": "/mnt/azure/140"
    }  # fmt: skip
    assert "readOnly" not in container["volumeMounts"][0]
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert spec["securityContext"]["runAsUser"] == 10001


def recorded_failure() -> dict[str, str]:
    """Return the condition of a real Job that could not remove a folder."""
    (*_, last) = looks("prune-fails").values()
    job = next(thing for thing in last if thing["metadata"]["name"] == "prune-124")
    (failed,) = [c for c in job["status"]["conditions"] if c["type"] == "Failed"]
    return dict(failed)


def test_a_failure_is_named_and_does_not_stop_the_others(
    release: Release, cluster: Cluster
) -> None:
    """The failed build stays installed; the next run goes on with it."""
    words = "/mnt/azure/124 holds notes.txt, so it is no model folder: nothing is removed"
    cluster.change(ended={"prune-140": recorded_failure()}, logs={"job/prune-140": words})
    started = time.monotonic()
    result = call(release, cluster, "--keep", "8")
    assert result.code == 5
    assert f"prune-140 failed: {words}" in result.output
    assert result.errors.splitlines()[-1] == "release: not removed: build 140"
    assert time.monotonic() - started < 60
    assert "mlrelease-140" in cluster.state["releases"]
    assert "mlrelease-145" not in cluster.state["releases"]
    cluster.change(ended={})
    again = call(release, cluster, "--keep", "8", "--output", "json")
    assert again.json["removed"] == ["140"]
    assert "mlrelease-140" not in cluster.state["releases"]


def test_folders_of_uninstalled_builds_are_listed(release: Release, cluster: Cluster) -> None:
    """The Job names the model folders that it leaves; installed builds have the others."""
    log = "removed /mnt/azure/140\nmodel folder: /mnt/azure/99\nmodel folder: /mnt/azure/152\n"
    cluster.change(logs={"job/prune-140": log})
    result = call(release, cluster, "--keep", "13", "--output", "json")
    assert result.json["without_release"] == ["/mnt/azure/99"]


def test_the_same_number_of_another_tenant_is_not_touched(
    release: Release, cluster: Cluster
) -> None:
    """A tenant's builds are judged by its own routes only."""
    tenants = ("--tenant", "acme", "--routing", "routing-acme")
    result = call(release, cluster, *tenants, "--keep", "0", "--dry-run", "--output", "json")
    assert result.json == {
        "removed": ["140"], "kept": {}, "failed": {}, "without_release": [], "dry_run": True
    }  # fmt: skip


def remove(mount: Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run the script of the Job."""
    return subprocess.run(
        [sys.executable, "-c", REMOVAL.read_text()],
        env=os.environ | {"MOUNT": str(mount), "MODELFOLDER": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Return a volume with the models of two builds."""
    for build in ("152", "153"):
        attempt = tmp_path / "volume" / build / "attempt-a"
        attempt.mkdir(parents=True)
        (attempt / "items.npy").write_bytes(b"1")
        (attempt.parent / "complete.txt").write_text("0.1\n")
    return tmp_path / "volume"


def test_one_model_folder_is_removed(models: Path) -> None:
    """And no other; a second run changes nothing."""
    for _ in range(2):
        done = remove(models, models / "152")
        assert done.returncode == 0
        assert f"model folder: {models / '153'}" in done.stdout
    assert [path.name for path in models.iterdir()] == ["153"]


def test_a_folder_without_a_model_is_refused(models: Path, tmp_path: Path) -> None:
    """The volume itself, a folder elsewhere, a link, and one with something else in it."""
    (models / "notes").mkdir()
    (models / "notes" / "a.txt").write_text("mine")
    (models / "link").symlink_to(models / "153")
    for folder in (models, tmp_path, models / "notes", models / "link", models / ".." / "volume"):
        done = remove(models, folder)
        assert done.returncode == 1, folder
        assert "nothing is removed" in done.stderr
    assert (models / "153" / "complete.txt").exists()
    assert (models / "notes" / "a.txt").exists()
