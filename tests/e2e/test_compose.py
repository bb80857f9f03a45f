"""`docker compose up` serves a build, and a second one beside it, and keeps all models."""

import json
from pathlib import Path
from urllib.request import Request, urlopen

from tests.e2e.conftest import NewCompose
from tests.e2e.engine import Compose
from tests.integration.conftest import write_key


def front(port: str) -> str:
    """Return the text of the front page."""
    with urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        return str(answer.read().decode())


def recommended(port: str, user: str) -> tuple[list[str], str | None]:
    """Return the items recommended to a user, and which fallback was taken."""
    content = json.dumps({"user_id": user, "k": 5}).encode()
    headers = {"Content-Type": "application/json"}
    request = Request(f"http://127.0.0.1:{port}/v1/recommendations", content, headers)
    with urlopen(request, timeout=10) as answer:
        recommendation = json.load(answer)
    return [item["item_id"] for item in recommendation["items"]], recommendation["fallback"]


def below(files: dict[str, list[object]], build: int) -> dict[str, list[object]]:
    """Return the files of a build."""
    folder = f"/mnt/azure/{build}/"
    return {path: state for path, state in files.items() if path.startswith(folder)}


def test_a_build_is_served(served: Compose) -> None:
    """`up --wait` ends when the site is healthy, and it recommends items to a known user."""
    assert served.container("scorer")["State"]["Health"]["Status"] == "healthy"
    assert "Build Number:152" in front(served.variables["PORT"])
    items, fallback = recommended(served.variables["PORT"], "learner-0001")
    assert len(items) == 5
    assert fallback is None


def test_containers_start_in_the_order_of_a_cluster(served: Compose) -> None:
    """The waiter starts before the trainer, and the scorer after the waiter has ended."""
    waiter, trainer, scorer = (
        served.container(service)["State"] for service in ("waiter", "trainer", "scorer")
    )
    assert waiter["StartedAt"] < trainer["StartedAt"] < scorer["StartedAt"]
    assert waiter["FinishedAt"] < scorer["StartedAt"]
    assert "File not found! /mnt/azure/152" in served.log("waiter")
    assert "File found /mnt/azure/152" in served.log("waiter")


def test_a_finished_build_is_left_alone(served: Compose) -> None:
    """Another `up` trains nothing, not even after `down`, and changes no byte."""
    before = served.files()
    assert below(before, 152)
    served.up()
    assert "Already complete and verified" in served.log("trainer")
    assert served.files() == before
    served("down")
    served.up()
    assert served.files() == before
    assert "Build Number:152" in front(served.variables["PORT"])


def test_a_second_build_is_beside_the_first(served: Compose, tmp_path: Path) -> None:
    """Another build number gets a folder of its own; no byte of the first build changes.

    The second one is signed: its site starts with the right key only.
    """
    for name in ("ours", "theirs"):
        write_key(tmp_path, name)
        (tmp_path / f"{name}.pem").chmod(0o644)  # a container's user is another
    before = below(served.files(), 152)
    keys = {"SIGNING_KEY": tmp_path / "ours.pem", "TRUSTED_KEYS": tmp_path / "ours.pub"}
    signed = served.with_(BUILDNUMBER=154, **keys)
    signed.up()
    with urlopen(
        f"http://127.0.0.1:{served.variables['PORT']}/v1/provenance/signature", timeout=10
    ) as answer:
        assert "dsseEnvelope" in json.load(answer)
    other = signed.with_(TRUSTED_KEYS=tmp_path / "theirs.pub")
    refused = other("run", "--rm", "--no-deps", "waiter", check=False)
    assert refused.returncode == 4, refused.stdout
    assert "is signed by key" in refused.stdout
    assert "Build Number:154" in front(served.variables["PORT"])
    after = served.files()
    assert below(after, 152) == before
    assert below(after, 154)


def test_two_builds_are_served_at_once(served: Compose) -> None:
    """With the profile, a second build answers on a port of its own."""
    served("--profile", "two", "up", "--detach", "--wait")
    for port, build in (("PORT", 152), ("SECOND_PORT", 153)):
        assert f"Build Number:{build}" in front(served.variables[port])
    hosts = {
        published["HostIp"]
        for service in ("scorer", "scorer-two")
        for ports in served.container(service)["NetworkSettings"]["Ports"].values()
        for published in ports
    }
    assert hosts == {"127.0.0.1"}


def test_your_own_export(new_compose: NewCompose, small_folder: Path) -> None:
    """The ETL service uploads CSV_FOLDER; an empty folder ends it with a sentence."""
    build = {"BUILDNUMBER": 152, "PARAMETERS": "method=cooccurrence"}
    project = new_compose("export", CSV_FOLDER=small_folder, **build)
    project.up()
    assert recommended(project.variables["PORT"], "learner-1")[1] is None
    (small_folder / "empty").mkdir()
    (small_folder / "empty").chmod(0o755)
    project = project.with_(CSV_FOLDER=small_folder / "empty")
    assert project("up", "--detach", "--wait", check=False).returncode != 0
    assert "there is no *.csv or *.csv.gz below /export" in project.log("etl")


def test_your_own_storage_account(new_compose: NewCompose) -> None:
    """The second file removes Azurite; a missing variable is named."""
    azure = ("-f", "docker-compose.yml", "-f", "docker-compose.azure.yml")
    project = new_compose("azure", BUILDNUMBER=152, BLOB_STORAGE_CONTAINER="etl")
    refused = project(*azure, "config", check=False)
    assert refused.returncode != 0
    assert "BLOB_STORAGE_ACCOUNT" in refused.stdout or "BLOB_STORAGE_CSV_FOLDER" in refused.stdout
    project = project.with_(BLOB_STORAGE_ACCOUNT="abc", BLOB_STORAGE_CSV_FOLDER="2018/05/08")
    config = json.loads(project(*azure, "config", "--format", "json").stdout)
    assert set(config["services"]) == {"trainer", "waiter", "scorer"}
    environment = config["services"]["trainer"]["environment"]
    assert environment["BLOB_STORAGE_ACCOUNT"] == "abc"
    assert not environment["BLOB_STORAGE_KEY"]
    assert not environment["BLOB_STORAGE_ENDPOINT"]
