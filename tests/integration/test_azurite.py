"""Training from Blob Storage: the same model as from a folder, or the reason in one sentence."""

import contextlib
import gzip
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.integration.azurite import KEY, NIGHT, Azurite
from tests.integration.conftest import BUILD, QUICK, Train, catalogue, interactions
from tests.integration.results import digests, failure, model_part, sha256
from tests.programs import command, environment, run, running

from modelsystem_shared import folder, settings
from modelsystem_shared.errors import AccessDeniedError
from modelsystem_trainer import reading
from modelsystem_trainer.engines import Workplace, started
from modelsystem_trainer.export import blobs
from modelsystem_trainer.settings import Settings

UPLOAD = Path(__file__).parents[2] / "demo" / "upload.py"
MOVIELENS = Path(__file__).parents[3] / "shared" / "data" / "movielens-small"
WRONG_KEY = "bm90IHRoZSBrZXkgb2YgdGhpcyBhY2NvdW50Cg=="
SMALL = {f"{NIGHT}/interactions.csv": interactions()}


class Unreachable(NamedTuple):
    """A training from an endpoint that does not answer."""

    process: "subprocess.Popen[bytes]"
    log: Path
    target: Path


@pytest.fixture(scope="module", autouse=True)
def unreachable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Unreachable]]:
    """Start two trainings before all tests: they take up to 40 s and compute next to nothing."""
    root = tmp_path_factory.mktemp("unreachable")
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        refused = stack.enter_context(socket.socket())
        refused.bind(("127.0.0.1", 0))  # without listening
        trainings = {
            "silent": train_in_vain(root / "silent", silent.getsockname()[1], stack),
            "refused": train_in_vain(root / "refused", refused.getsockname()[1], stack),
        }
        yield trainings


def train_in_vain(root: Path, port: int, stack: contextlib.ExitStack) -> Unreachable:
    """Start a training whose storage is at a port that does not answer."""
    root.mkdir()
    log = stack.enter_context((root / "log").open("wb"))
    storage = Azurite(port).variables("exports")
    environ = environment(MODELFOLDER=root / "model", **storage, **QUICK)
    training = running(command("trainer"), env=environ, stdout=log, stderr=log)
    return Unreachable(stack.enter_context(training), root / "log", root / "model")


def traces(root: Path, words: str) -> list[Path]:
    """List the files below a folder that contain `words`."""
    files = [path for path in root.rglob("*") if path.is_file()]
    return [path for path in files if words.encode() in path.read_bytes()]


# The same model


def check_equal(azurite: Azurite, export: Path, root: Path, **variables: str) -> None:
    """Train on a folder and on its files in Azurite, and compare the models."""
    files = {f"{NIGHT}/{path.name}": path.read_bytes() for path in export.glob("*.csv")}
    remote = azurite.variables(azurite.container(files)) | variables
    local = {"CSV_FOLDER": export} | variables
    with ThreadPoolExecutor(2) as pool:
        blob = pool.submit(run, "trainer", MODELFOLDER=root / "blob", **remote)
        disk = pool.submit(run, "trainer", MODELFOLDER=root / "disk", **local)
    assert blob.result().code == 0, blob.result().output
    assert disk.result().code == 0, disk.result().output
    assert contents(root / "blob") == contents(root / "disk")
    from_blob, from_disk = model_part(root / "blob"), model_part(root / "disk")
    assert from_blob["digest"] == from_disk["digest"]
    assert from_blob["data"]["location"].startswith(azurite.endpoint)
    assert all(file["etag"] for file in from_blob["data"]["files"])
    assert without_place(from_blob) == without_place(from_disk)
    assert KEY not in blob.result().output
    assert traces(root, KEY) == []


def contents(model_folder: Path) -> dict[str, bytes]:
    """Return the model files' bytes by name."""
    attempt = folder.published(model_folder).attempt
    return {path.name: path.read_bytes() for path in attempt.glob("*.npy")}


def without_place(model: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest's `model` part without the files' location and etags.

    The location is a date: without it no path has one, and `days_behind` is not known.
    """
    data = json.loads(json.dumps(model["data"])) | {"location": None}
    data["profile"]["figures"].pop("days_behind", None)
    outcomes = data["profile"]["verdict"]
    data["profile"]["verdict"] = [o for o in outcomes if o["figure"] != "days_behind"]
    data["files"] = [{**file, "etag": None} for file in data["files"]]
    return {**model, "data": data}


def test_a_small_export(azurite: Azurite, small_export: Path, tmp_path: Path) -> None:
    """The model does not depend on the place of the files, the search for parameters included."""
    check_equal(azurite, small_export, tmp_path, BUILDNUMBER=BUILD)


@pytest.mark.skipif(not MOVIELENS.is_dir(), reason=f"there is no {MOVIELENS}")
def test_movielens(azurite: Azurite, tmp_path: Path) -> None:
    """The same on real ratings, with given parameters."""
    check_equal(azurite, MOVIELENS, tmp_path, BUILDNUMBER=BUILD, PARAMETERS="method=ridge,lam=160")


# Refusals


@pytest.mark.parametrize("engine", ["threads", "processes"])
def test_workers_open_the_blobs_and_no_file_has_the_key(
    azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    """Each worker takes the key from its environment; the folder that they share lacks it."""
    files = {f"{NIGHT}/{n}.csv": interactions(seed=n) for n in range(5)}
    variables = azurite.variables(azurite.container(files))
    values = settings.read(Settings, variables | {"MODELFOLDER": "/m", "BUILDNUMBER": BUILD})
    monkeypatch.setenv("BLOB_STORAGE_KEY", f'"{KEY}"')
    with started(engine, 2, tmp_path) as running:
        data = reading.read(values, Workplace(running, tmp_path), lambda *_: None)
    assert len(data.export.files) == 5
    assert not traces(tmp_path, KEY)
    monkeypatch.delenv("BLOB_STORAGE_KEY")
    blobs._client.cache_clear()
    with started("threads", 2, tmp_path) as running:
        again = Workplace(running, tmp_path / "again")
        again.folder.mkdir()
        with pytest.raises(AccessDeniedError, match="BLOB_STORAGE_KEY is not in the environment"):
            reading.read(values, again, lambda *_: None)


def test_a_wrong_key(azurite: Azurite, train: Train, target: Path) -> None:
    """The trainer ends with 3, names the variable, and shows the key nowhere."""
    ended = train(azurite, azurite.container(SMALL), BLOB_STORAGE_KEY=WRONG_KEY)
    assert ended.code == 3
    reported = failure(target)
    assert "the storage refused BLOB_STORAGE_KEY" in reported.reason
    assert json.loads(ended.output.splitlines()[-1])["message"] == reported.reason
    assert (reported.retry_helps, reported.exit_code) == (False, 3)
    assert WRONG_KEY not in ended.output
    assert traces(target, WRONG_KEY) == []


def test_a_missing_container(azurite: Azurite, train: Train, target: Path) -> None:
    """The trainer ends with 3 and names the container."""
    assert train(azurite, "no-such").code == 3
    assert "/no-such/" in failure(target).reason
    assert "there is no such container" in failure(target).reason


def test_an_empty_folder(azurite: Azurite, train: Train, target: Path) -> None:
    """Without CSV files in the folder the trainer ends with 3; files beside it do not count."""
    container = azurite.container({f"{NIGHT}9/interactions.csv": b"", f"{NIGHT}/readme.txt": b""})
    assert train(azurite, container).code == 3
    assert "there is no *.csv" in failure(target).reason


def test_a_blob_that_cannot_be_read_is_named(azurite: Azurite, train: Train, target: Path) -> None:
    """An archived blob must be brought back first; the sentence says which one it is."""
    container = azurite.container(SMALL | {f"{NIGHT}/old.csv": interactions(2)})
    with azurite.client(container) as client:
        client.get_blob_client(f"{NIGHT}/old.csv").set_standard_blob_tier("Archive")
    assert train(azurite, container).code == 3
    assert f"/{NIGHT}: old.csv: the storage refused the request" in failure(target).reason


def test_what_spark_and_adls_leave_is_not_read(
    azurite: Azurite, train: Train, target: Path
) -> None:
    """Folders that are listed as empty blobs, marks of a committed job, parts without rows."""
    files = {
        f"{NIGHT}/interactions.csv/part-00000.csv": interactions(),
        f"{NIGHT}/interactions.csv/part-00001.csv": b"",
        f"{NIGHT}/interactions.csv/_SUCCESS": b"",
        f"{NIGHT}/items.csv/part-00000.csv": catalogue(),
        f"{NIGHT}/again.csv.gz": gzip.compress(interactions()),
        f"{NIGHT}/_spark_metadata/0.csv": b"v1",
        f"{NIGHT}/slash/": b"",
    }
    container = azurite.container(files)
    with azurite.client(container) as client:
        for name in ("interactions.csv", "items.csv", "empty.csv"):
            client.upload_blob(f"{NIGHT}/{name}", b"", metadata={"Hdi_isfolder": "true"})
    ended = train(azurite, container)
    assert ended.code == 0, ended.output
    described = model_part(target)["data"]["profile"]
    assert [file["kind"] for file in described["files"]] == ["interactions", "catalogue"]
    assert {out["reason"]: out["names"] for out in described["left_out"]} == {
        "begins with _ or .": ["_spark_metadata", "interactions.csv/_SUCCESS"],
        "is an empty object that stands for a folder": [
            *("empty.csv", "interactions.csv", "items.csv", "slash"),
        ],
        "is an empty part of a folder that is named like a file": [
            "interactions.csv/part-00001.csv"
        ],
        "has the same content as again.csv.gz": ["interactions.csv/part-00000.csv"],
    }


def test_the_sample_etl_uploads_what_a_trainer_reads(azurite: Azurite, tmp_path: Path) -> None:
    """Compose's ETL and the trainer go by the same definition of an export."""
    for name in ("a.csv", "x.csv/part-0.csv", "_temporary/b.csv", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(interactions(len(name)))
    container = azurite.container({})
    command = [sys.executable, str(UPLOAD), str(tmp_path)]
    settings = azurite.variables(container) | {"BLOB_STORAGE_CSV_FOLDER": NIGHT}
    ended = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [
        "_temporary: left out, begins with _ or .",
        "notes.txt: left out, is not *.csv or *.csv.gz",
        f"{NIGHT}/a.csv: uploaded",
        f"{NIGHT}/x.csv/part-0.csv: uploaded",
    ]
    with azurite.client(container) as client:
        names = [blob.name for blob in client.list_blobs()]
    assert names == [f"{NIGHT}/a.csv", f"{NIGHT}/x.csv/part-0.csv"]


def test_a_job_that_has_not_committed(azurite: Azurite, train: Train, target: Path) -> None:
    """Rows of a job that is still writing are not trained on."""
    running = {f"{NIGHT}/interactions.csv/_temporary/0/part-00001.csv": b"x"}
    parts = {f"{NIGHT}/interactions.csv/part-00000.csv": interactions()}
    assert train(azurite, azurite.container(parts | running)).code == 3
    assert "uncommitted is 1" in failure(target).reason
    assert ": interactions.csv" in failure(target).reason


# Odd blobs


def test_odd_names(azurite: Azurite, train: Train, target: Path, tmp_path: Path) -> None:
    """A blob with any name is read, and no file is written beside model and scratch folder."""
    names = ["a b.csv", "ü/☃.csv", "100%.csv", "a..b.csv", "a/b..%2F..%2Fc.csv", "%2e%2e%2fc.csv"]
    names += ["a%2F..%2f..%2Fd.csv", "'\".csv", "q?x=1#y.csv", "+.csv", f"{'x' * 250}.csv"]
    files = {name: interactions(seed) for seed, name in enumerate(names)}
    container = azurite.container({f"{NIGHT}/{name}": files[name] for name in names})
    (tmp_path / "scratch").mkdir()
    ended = train(azurite, container, TMPDIR=tmp_path / "scratch")
    assert ended.code == 0, ended.output
    assert digests(target) == {name: sha256(content) for name, content in files.items()}
    beside = [path for path in tmp_path.rglob("*") if not path.is_relative_to(target)]
    assert sorted(beside) == [target.parent, tmp_path / "scratch"]


@pytest.mark.parametrize("name", ["interactions.csv", "interactions.csv.gz"])
@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_compressed_blobs(
    azurite: Azurite, train: Train, target: Path, name: str, encoding: str | None
) -> None:
    """Gzip is recognised under any name; the digest is that of the stored bytes."""
    content = gzip.compress(interactions())
    container = azurite.container({f"{NIGHT}/{name}": content}, encoding)
    ended = train(azurite, container)
    assert ended.code == 0, ended.output
    assert digests(target) == {name: sha256(content)}
    assert model_part(target)["data"]["rows"] == len(interactions().splitlines()) - 1


# Endpoints that do not answer: the trainings start first and are checked last


@pytest.mark.parametrize("how", ["refused", "silent"])
def test_an_endpoint_that_does_not_answer(unreachable: dict[str, Unreachable], how: str) -> None:
    """The trainer ends with 5 within 60 s, and a retry can help."""
    training = unreachable[how]
    assert training.process.wait(timeout=60) == 5
    lines = training.log.read_text().splitlines()
    began, ended = (
        datetime.fromisoformat(json.loads(line)["time"]) for line in (lines[0], lines[-1])
    )
    assert (ended - began).total_seconds() < 60
    reported = failure(training.target)
    assert "does not answer" in reported.reason
    assert reported.retry_helps
