"""What the programs write for other projects, read by their own clients and validators."""

import gzip
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.integration.conftest import BUILD, QUICK, Start, catalogue, interactions
from tests.programs import run

from modelsystem_shared import folder

NEIGHBOURS = Path(__file__).parents[2] / ".tools" / "neighbours" / "bin" / "python"
# Without the network, and with MLflow in a folder.
ENVIRONMENT = {**os.environ, "HF_HUB_OFFLINE": "1", "MLFLOW_ALLOW_FILE_STORE": "true"}
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Receiver(NamedTuple):
    """A server that keeps what is sent to it, or never answers."""

    url: str
    events: list[tuple[str, Any]]


@pytest.fixture
def receive() -> Iterator[Any]:
    """Return a function that starts a receiver; `seconds`: how long it takes to answer."""
    servers = []

    def start(seconds: float = 0) -> Receiver:
        events: list[tuple[str, Any]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # http.server wants this name
                length = int(self.headers["Content-Length"])
                events.append((self.path, json.loads(self.rfile.read(length))))
                time.sleep(seconds)
                self.send_response(201)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return Receiver(f"http://127.0.0.1:{server.server_port}", events)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def read_by_neighbours(program: str, *arguments: object) -> Any:
    """Run a program where only the other projects' packages are, and return its JSON."""
    if not NEIGHBOURS.exists():
        pytest.skip("make .tools/neighbours/.installed makes the environment of this test")
    done = subprocess.run(
        [NEIGHBOURS, "-W", "ignore", "-c", program, *map(str, arguments)],
        env=ENVIRONMENT, capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


OPENLINEAGE = """
import importlib, json, pkgutil, sys
import attr
from openlineage.client import event_v2, generated
from openlineage.client.serde import Serde

classes = {}
for module in pkgutil.iter_modules(generated.__path__):
    for kind in vars(importlib.import_module(f"{generated.__name__}.{module.name}")).values():
        if attr.has(kind) and hasattr(kind, "_get_schema"):
            classes[kind._get_schema()] = kind

def facet(content):
    content = dict(content)
    kind = classes[content.pop("_schemaURL")]
    return kind(producer=content.pop("_producer"), **content)

def facets(content):
    return {name: facet(below) for name, below in content.items()}

def dataset(kind, content, name):
    more = {name: facets(content[name])} if name in content else {}
    return kind(content["namespace"], content["name"], facets=facets(content["facets"]), **more)

def parsed(event):
    assert event["schemaURL"] == event_v2.RunEvent._get_schema()
    return event_v2.RunEvent(
        eventType=event_v2.RunState(event["eventType"]), eventTime=event["eventTime"],
        producer=event["producer"],
        run=event_v2.Run(event["run"]["runId"], facets(event["run"]["facets"])),
        job=event_v2.Job(
            event["job"]["namespace"], event["job"]["name"], facets(event["job"]["facets"])
        ),
        inputs=[dataset(event_v2.InputDataset, one, "inputFacets") for one in event["inputs"]],
        outputs=[dataset(event_v2.OutputDataset, one, "outputFacets") for one in event["outputs"]],
    )

def filled(value):
    if isinstance(value, dict):
        return {key: filled(below) for key, below in value.items() if below not in ({}, [], None)}
    return [filled(below) for below in value] if isinstance(value, list) else value

for event in json.load(open(sys.argv[1])):
    assert filled(json.loads(Serde.to_json(parsed(event)))) == filled(event)
print("true")
"""


def test_a_training_reports_its_lineage(
    receive: Any, small_export: Path, target: Path, tmp_path: Path
) -> None:
    """OpenLineage's client reads both events, and writes the same: nothing is unknown to it."""
    receiver = receive()
    trained = run(
        "trainer", MODELFOLDER=target, CSV_FOLDER=small_export, TRACEPARENT=TRACEPARENT,
        OPENLINEAGE_URL=f"{receiver.url}/", TENANTID="acme", **QUICK,
    )  # fmt: skip
    assert trained.code == 0, trained.output
    assert [path for path, _ in receiver.events] == ["/api/v1/lineage"] * 2
    start, complete = (event for _, event in receiver.events)
    (tmp_path / "events.json").write_text(json.dumps([start, complete]))
    assert read_by_neighbours(OPENLINEAGE, tmp_path / "events.json")
    assert (start["eventType"], complete["eventType"]) == ("START", "COMPLETE")
    assert start["run"] == complete["run"]
    tags = {tag["key"]: tag["value"] for tag in start["run"]["facets"]["tags"]["tags"]}
    assert (tags["build"], tags["traceparent"]) == (BUILD, TRACEPARENT)
    (source,), (model,) = complete["inputs"], complete["outputs"]
    assert (source["namespace"], source["name"]) == ("file", str(small_export))
    assert source["inputFacets"]["inputStatistics"]["rowCount"] == 520
    assert source["inputFacets"]["inputStatistics"]["fileCount"] == 2
    columns = {field["name"] for field in source["facets"]["schema"]["fields"]}
    assert columns == {"user_id", "item_id", "timestamp", "title"}
    digest = folder.published(target).manifest.digest
    assert model["facets"]["version"]["datasetVersion"] == digest


def test_a_failure_is_reported(receive: Any, tmp_path: Path, target: Path) -> None:
    """With the sentence that the operator gets; the exit code stays."""
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "interactions.csv").write_text("user_id\nu\n")
    receiver = receive()
    failed = run(
        "trainer", MODELFOLDER=target, CSV_FOLDER=tmp_path / "export",
        OPENLINEAGE_URL=receiver.url, **QUICK,
    )  # fmt: skip
    assert failed.code == 3
    events = [event for _, event in receiver.events]
    (tmp_path / "events.json").write_text(json.dumps(events))
    assert read_by_neighbours(OPENLINEAGE, tmp_path / "events.json")
    assert [event["eventType"] for event in events] == ["START", "FAIL"]
    sentence = events[-1]["run"]["facets"]["errorMessage"]["message"]
    assert sentence in failed.output
    assert "item_id" in sentence


@pytest.mark.parametrize("is_silent", [True, False], ids=["silent", "down"])
def test_a_receiver_never_fails_a_training(
    receive: Any, small_export: Path, target: Path, start: Start, *, is_silent: bool
) -> None:
    """If it does not answer, or is not there, the training ends 0 within two seconds more."""
    url = receive(seconds=600).url if is_silent else "http://127.0.0.1:1"
    training = start(
        "trainer", MODELFOLDER=target, CSV_FOLDER=small_export, OPENLINEAGE_URL=url, **QUICK
    )
    training.until("Score: ")
    published = time.monotonic()
    ended = training.end()
    assert ended.code == 0, ended.output
    assert "OPENLINEAGE_URL" in ended.output
    assert time.monotonic() - published < 10  # two, and what a busy machine needs


MODEL_CARD = """
import json, sys
from huggingface_hub import ModelCard

card = ModelCard.load(sys.argv[1], ignore_metadata_errors=False)
results = [
    {"name": result.metric_name, "value": result.metric_value, "task": result.task_type}
    for result in card.data.eval_results
]
print(json.dumps({"name": card.data.model_name, "text": card.text, "results": results}))
"""


@pytest.fixture(scope="module")
def attempt(model_folder: Path) -> Path:
    """Return the folder of a published model's files."""
    return folder.published(model_folder).attempt


def test_hugging_face_reads_the_model_card(model_folder: Path, attempt: Path) -> None:
    """With the figures of the manifest, as results of an evaluation."""
    manifest = folder.published(model_folder).manifest
    card = read_by_neighbours(MODEL_CARD, attempt / "model_card.md")
    figures = manifest.model["metrics"]["model"]["at"]["20"]
    assert card["name"] == f"build {BUILD}"
    assert card["results"] == [
        {"name": "NDCG@20", "value": figures["ndcg"]["mean"], "task": "recommendation"},
        {"name": "Recall@20", "value": figures["recall"]["mean"], "task": "recommendation"},
    ]
    assert manifest.digest in card["text"]


CROISSANT = """
import json, sys
import mlcroissant

dataset = mlcroissant.Dataset(jsonld=sys.argv[1])
assert not dataset.metadata.issues.errors, dataset.metadata.issues.report()
rows = {
    records.name: [{key.rpartition("/")[2]: value.decode() for key, value in row.items()}
                   for row in dataset.records(record_set=records.uuid)]
    for records in dataset.metadata.record_sets
}
print(json.dumps(rows))
"""


def test_croissant_reads_the_data_card_and_the_data(target: Path, tmp_path: Path) -> None:
    """Its validator finds no error, and its reader the rows of the files, by their digests."""
    export = tmp_path / "export"
    (export / "day 1").mkdir(parents=True)
    (export / "day 1" / "part-0.csv.gz").write_bytes(gzip.compress(interactions()))
    (export / "items.csv").write_bytes(catalogue())
    trained = run("trainer", MODELFOLDER=target, CSV_FOLDER=export, **QUICK)
    assert trained.code == 0, trained.output
    card = folder.published(target).attempt / "croissant.json"
    rows = read_by_neighbours(CROISSANT, card)
    assert set(rows) == {"day 1/part-0.csv.gz", "items.csv"}
    read = [
        [row[name] for name in ("user_id", "item_id", "timestamp")]
        for row in rows["day 1/part-0.csv.gz"]
    ]
    assert read == [line.split(",") for line in interactions().decode().splitlines()[1:]]
    assert rows["items.csv"][7] == {"item_id": "course-7", "title": "Course Number 7"}


def test_cards_are_covered_by_the_manifest_and_not_by_the_digest(model_folder: Path) -> None:
    """A changed card is refused like a changed model; the model digest does not depend on it."""
    published = folder.published(model_folder)
    documents = {file.name for file in published.manifest.all_files}
    documents -= {file.name for file in published.manifest.files}
    assert documents == {"model_card.md", "croissant.json"}


# The release tool with its extra: MLflow's packages come after its own.
RELEASE = """
import sys
sys.path.append(sys.argv.pop(1))
from modelsystem_release.__main__ import main
main()
"""
MLFLOW = """
import json, sys
from mlflow import MlflowClient

client = MlflowClient(tracking_uri=sys.argv[1])
experiment = client.get_experiment_by_name("modelsystem")
print(json.dumps([
    {"name": run.info.run_name, "status": run.info.status, "parameters": run.data.params,
     "metrics": run.data.metrics, "tags": run.data.tags}
    for run in client.search_runs([experiment.experiment_id])
]))
"""


def test_mlflow_has_one_entry_of_a_build(site: str, model_folder: Path, tmp_path: Path) -> None:
    """Its client reads parameters, figures and the last verdict; a refused build has one, too."""
    store = f"file://{tmp_path}/mlruns"
    for fewest, code in ((10**6, 8), (1, 0)):
        (tmp_path / "rules.yaml").write_text(
            f"{{questions: {{floor: {fewest}}}, p99_ms: {{ceiling: 60000}}}}\n"
        )
        assert judge(site, store, tmp_path) == code
    (run,) = read_by_neighbours(MLFLOW, store)
    assert run["tags"]["gate"] == "passed"
    manifest = folder.published(model_folder).manifest
    assert (run["name"], run["status"]) == (BUILD, "FINISHED")
    assert run["tags"]["model_digest"] == manifest.digest
    assert run["parameters"]["method"] == "cooccurrence"
    figures = manifest.model["metrics"]["model"]["at"]["20"]
    assert run["metrics"]["ndcg_at_20"] == figures["ndcg"]["mean"]
    assert run["metrics"]["novelty_at_20"] == figures["novelty"]["mean"]
    assert run["metrics"]["rows"] == 520


def judge(site: str, store: str, folder: Path) -> int:
    """Run the gate with MLflow's packages and a store, and return its exit code."""
    packages = next(NEIGHBOURS.parents[1].glob("lib/python*/site-packages"), None)
    if packages is None:
        pytest.skip("make .tools/neighbours/.installed makes the environment of this test")
    done = subprocess.run(
        [sys.executable, "-c", RELEASE, packages, "gate", site, "--champion", "none", "--rules",
         "rules.yaml"],
        env={**ENVIRONMENT, "MLFLOW_TRACKING_URI": store},
        cwd=folder, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert "MLflow: run" in done.stderr, done.stderr
    return done.returncode


def test_a_gate_without_mlflow_says_so_and_judges(site: str) -> None:
    """The verdict does not depend on it."""
    program = Path(sys.executable).with_name("release")
    command = [program, "gate", site, "--champion", "none", "--mlflow", "http://127.0.0.1:1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "pip install 'modelsystem-release[mlflow]'" in done.stderr
    assert "VERDICT" in done.stdout
