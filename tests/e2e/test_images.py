"""The images and containers, checked as a security reviewer checks them."""

import json
import os

import pytest
from tests.e2e.conftest import NewCompose
from tests.e2e.engine import ROOT, Compose, docker, inspect, run
from tests.integration.azurite import KEY

BASE = "python:3.13-slim-bookworm"
MOST_MB = {"waiter": 40, "scorer": 250, "trainer": 600}  # above the base, uncompressed
SERVICES = ("etl", "trainer", "waiter", "scorer", "azurite")
LISTING = (
    "import hashlib, json, os, pathlib; print(json.dumps({str(p): os.readlink(p) if p.is_symlink() "
    "else hashlib.sha256(p.read_bytes()).hexdigest() for p in pathlib.Path('/opt').rglob('*') "
    "if p.is_symlink() or p.is_file()}))"
)

pytestmark = pytest.mark.usefixtures("served")


def image(workload: str, tag: str = "152") -> str:
    return f"modelsystem/{workload}:{tag}"


@pytest.mark.parametrize("workload", MOST_MB)
def test_size(workload: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An image adds at most the agreed size to its base."""
    added = (inspect(image(workload))["Size"] - inspect(BASE)["Size"]) / 1e6
    with capsys.disabled():
        print(f"\n{workload}: {added:.1f} MB above {BASE}")
    assert added <= MOST_MB[workload]


@pytest.mark.parametrize("workload", MOST_MB)
def test_the_configuration_of_an_image(workload: str) -> None:
    """It runs its program as 10001, and its labels name commit and build."""
    config = inspect(image(workload))["Config"]
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == [f"modelsystem-{workload}"]
    label = "org.opencontainers.image."
    assert config["Labels"][f"{label}version"] == "152"
    assert {f"{label}{name}" for name in ("source", "revision", "created")} <= set(config["Labels"])


@pytest.mark.parametrize("workload", MOST_MB)
def test_images_hold_no_build_tools(workload: str) -> None:
    """The environment has neither pip nor a build backend, and the image no compiler."""
    script = (
        "import importlib.util as u, shutil; "
        "print([n for n in ('pip', 'setuptools', 'hatchling', 'Cython', 'wheel') if u.find_spec(n)]"
        " + [n for n in ('gcc', 'cc', 'make', 'git', 'curl') if shutil.which(n)])"
    )
    output = docker("run", "--rm", "--entrypoint", "python", image(workload), "-c", script)
    assert output.strip() == "[]"


@pytest.mark.parametrize("service", SERVICES)
def test_the_rights_of_a_container(served: Compose, service: str) -> None:
    """It does not run as root, writes to volumes only, has no capability and cannot get one."""
    container = served.container(service)
    host = container["HostConfig"]
    assert container["Config"]["User"] == "10001:10001"
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert not any(mount["Source"] == "/var/run/docker.sock" for mount in container["Mounts"])


def test_the_rights_of_a_process(served: Compose) -> None:
    """The kernel shows the same rights inside, and every write fails, also to the model."""
    name = f"{served.project}-scorer-1"
    status = dict(
        line.split(":\t", 1)
        for line in docker("exec", name, "cat", "/proc/1/status").splitlines()
        if ":\t" in line
    )
    assert status["Uid"].split() == ["10001"] * 4
    assert {int(status[f"Cap{kind}"], 16) for kind in ("Eff", "Prm", "Inh", "Bnd", "Amb")} == {0}
    assert status["NoNewPrivs"] == "1"
    for path in ("/x", "/opt/venv/x", "/mnt/azure/x", "/home/x"):
        assert run("docker", "exec", name, "touch", path, check=False).returncode != 0


def test_no_secret_anywhere(served: Compose) -> None:
    """The account's key is in no image's history or description, in no log and in no file."""
    for workload in MOST_MB:
        assert KEY not in docker("history", "--no-trunc", image(workload))
        assert KEY not in docker("inspect", image(workload))
    logs = [served.log(service) for service in SERVICES]
    assert all(logs[:-1])  # the logs are not empty
    assert not any(KEY in log for log in logs)
    assert KEY not in json.dumps(served.files())


def test_the_context_is_small() -> None:
    """Only sources and pins are sent to the engine."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines  # files that are not listed are left out


def test_two_builds_of_a_commit_are_the_same(new_compose: NewCompose) -> None:
    """Built again without cached layers, the images hold the same files, byte for byte."""
    again = new_compose("again", BUILDNUMBER="again")
    again("build", "--no-cache", "--quiet", *MOST_MB)
    for workload in MOST_MB:
        assert listing(image(workload)) == listing(image(workload, "again"))


def listing(name: str) -> dict[str, str]:
    """Return the SHA-256 of each file that an image adds to its base."""
    output = docker("run", "--rm", "--entrypoint", "python", name, "-c", LISTING)
    return dict(json.loads(output))


@pytest.mark.parametrize("cpus", [1, 2])
def test_threads_follow_the_limit(cpus: int) -> None:
    """A container's CPU limit decides how many threads a training uses."""
    script = (
        "from modelsystem_trainer import cpus; from threadpoolctl import threadpool_info as t; "
        "import numpy; print(cpus.available(), max(lib['num_threads'] for lib in t()))"
    )
    limit = ("--cpus", str(cpus - 0.5), "--entrypoint", "python")
    threads, blas = docker("run", "--rm", *limit, image("trainer"), "-c", script).split()
    assert int(threads) == min(cpus, len(os.sched_getaffinity(0)))
    assert int(blas) <= int(threads)
