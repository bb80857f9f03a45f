"""`docker compose up`: a build is served, a second one beside it, and nothing is lost."""

import json
from pathlib import Path
from urllib.request import Request, urlopen

from tests.e2e.conftest import NewCompose
from tests.e2e.engine import Compose


def front(port: str) -> str:
    """Return the site's two lines."""
    with urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        return str(answer.read().decode())


def recommended(port: str, user: str) -> tuple[list[str], str | None]:
    """Return the items recommended to a user, and which fallback was taken."""
    content = json.dumps({"user_id": user, "k": 5}).encode()
    headers = {"Content-Type": "application/json"}
    request = Request(f"http://127.0.0.1:{port}/v1/recommendations", content, headers)
    with urlopen(request, timeout=10) as answer:
        told = json.load(answer)
    return [item["item_id"] for item in told["items"]], told["fallback"]


def below(files: dict[str, list[object]], build: int) -> dict[str, list[object]]:
    """Return those files that are a build's."""
    return {path: told for path, told in files.items() if path.startswith(f"/mnt/azure/{build}/")}


def test_a_build_is_served(served: Compose) -> None:
    """`up --wait` ends when the site is healthy, and it gives a known user what suits them."""
    assert served.container("scorer")["State"]["Health"]["Status"] == "healthy"
    assert "Build Number:152" in front(served.variables["PORT"])
    items, fallback = recommended(served.variables["PORT"], "learner-0001")
    assert len(items) == 5
    assert fallback is None


def test_the_order_is_a_clusters(served: Compose) -> None:
    """The waiter starts before the trainer, and the scorer when the waiter has ended."""
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


def test_a_second_build_is_beside_the_first(served: Compose) -> None:
    """Another build number gets a folder of its own; of the first one no byte changes."""
    before = below(served.files(), 152)
    served.with_(BUILDNUMBER=154).up()
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
    """CSV_FOLDER names the folder that the ETL uploads; an empty one ends it with a sentence."""
    build = {"BUILDNUMBER": 152, "PARAMETERS": "method=cooccurrence"}
    project = new_compose("export", CSV_FOLDER=small_folder, **build)
    project.up()
    assert recommended(project.variables["PORT"], "learner-1")[1] is None
    (small_folder / "empty").mkdir()
    (small_folder / "empty").chmod(0o755)
    project = project.with_(CSV_FOLDER=small_folder / "empty")
    assert project("up", "--detach", "--wait", check=False).returncode != 0
    assert "there is no *.csv or *.csv.gz below /export" in project.log("etl")


def test_a_storage_account_of_ones_own(new_compose: NewCompose) -> None:
    """With the second file Azurite is left out, and what is missing is named."""
    azure = ("-f", "docker-compose.yml", "-f", "docker-compose.azure.yml")
    project = new_compose("azure", BUILDNUMBER=152, BLOB_STORAGE_CONTAINER="etl")
    told = project(*azure, "config", check=False)
    assert told.returncode != 0
    assert "BLOB_STORAGE_ACCOUNT" in told.stdout or "BLOB_STORAGE_CSV_FOLDER" in told.stdout
    project = project.with_(BLOB_STORAGE_ACCOUNT="abc", BLOB_STORAGE_CSV_FOLDER="2018/05/08")
    config = json.loads(project(*azure, "config", "--format", "json").stdout)
    assert set(config["services"]) == {"trainer", "waiter", "scorer"}
    environment = config["services"]["trainer"]["environment"]
    assert environment["BLOB_STORAGE_ACCOUNT"] == "abc"
    assert not environment["BLOB_STORAGE_KEY"]
    assert not environment["BLOB_STORAGE_ENDPOINT"]
