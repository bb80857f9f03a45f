"""The running site with independent programs: fuzzer, inference client, Prometheus."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from tests.integration.conftest import BUILD, get
from tests.programs import debian_program, free_port, is_ready, run, running, wait_for


def schemathesis(site: str, examples: int, folder: Path) -> str:
    """Run schemathesis with all its checks, and return its output."""
    program = Path(sys.executable).with_name("st")
    url = f"{site}/openapi.json"
    options = ["--checks=all", f"--max-examples={examples}", "--seed=20180523", "--no-color"]
    done = subprocess.run(
        [program, "run", url, *options], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    return done.stdout


def test_the_site_conforms_to_its_document(site: str, tmp_path: Path) -> None:
    """schemathesis, which knows only /openapi.json, finds no fault."""
    assert " passed" in schemathesis(site, 4, tmp_path)


@pytest.mark.faults
def test_the_site_conforms_to_its_document_many_times(
    site: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The full count of requests."""
    output = schemathesis(site, 100, tmp_path)
    with capsys.disabled():
        print("\nschemathesis:", next(line for line in output.splitlines() if "generated" in line))


INFERENCE = """
import json, sys
import numpy as np
import tritonclient.http as triton

client = triton.InferenceServerClient(sys.argv[1])
assert client.is_server_live() and client.is_server_ready()
assert client.is_model_ready("modelsystem") and client.is_model_ready("modelsystem", sys.argv[2])
metadata = client.get_model_metadata("modelsystem")
users = np.array(sys.argv[3:], dtype=np.object_)
answers = {}
for binary in (True, False):
    tensor = triton.InferInput(metadata["inputs"][0]["name"], users.shape, "BYTES")
    tensor.set_data_from_numpy(users, binary_data=binary)
    requested = [
        triton.InferRequestedOutput(output["name"], binary_data=binary)
        for output in metadata["outputs"]
    ]
    for outputs in (requested, None):
        result = client.infer("modelsystem", [tensor], outputs=outputs, parameters={"k": 5})
        for described in metadata["outputs"]:
            output = result.get_output(described["name"])
            assert output["datatype"] == described["datatype"]
            assert len(output["shape"]) == len(described["shape"])
            assert result.as_numpy(described["name"]).shape == tuple(output["shape"])
        ids, scores = result.as_numpy("item_id"), result.as_numpy("score")
        answers[f"{binary} {outputs is None}"] = [
            [[i.decode() if isinstance(i, bytes) else i for i in row] for row in ids.tolist()],
            scores.astype(float).tolist(),
            result.as_numpy("fallback").tolist(),
        ]
try:
    client.infer("modelsystem", [triton.InferInput("other", [1], "BYTES")])
except triton.InferenceServerException as error:
    answers["error"] = str(error)
print(json.dumps({"metadata": metadata, "answers": answers}))
"""


def test_an_inference_client_gets_recommendations(site: str) -> None:
    """Tritonclient sends a batch of users, as bytes and as JSON, as the metadata says.

    In a process of its own: it has its own event loop, and warnings.
    """
    users = ["learner-1", "learner-2", "unknown"]
    done = subprocess.run(
        [sys.executable, "-c", INFERENCE, site.removeprefix("http://"), BUILD, *users],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed["metadata"]["versions"] == [BUILD]
    assert "inputs.0.name" in printed["answers"].pop("error")
    expected = [get(f"{site}/v1/users/{user}/recommendations?k=5") for user in users]
    for ids, scores, fallback in printed["answers"].values():
        assert ids == [[item["item_id"] for item in answer["items"]] for answer in expected]
        for row, answer in zip(scores, expected, strict=True):
            assert row == pytest.approx([item["score"] for item in answer["items"]], abs=1e-6)
        assert fallback == [False, False, True]
    assert len(printed["answers"]) == 4


def test_prometheus_finds_no_fault(site: str) -> None:
    """Promtool checks the metrics."""
    promtool = debian_program("promtool", "prometheus")
    get(f"{site}/v1/users/learner-1/recommendations")
    with urlopen(f"{site}/metrics") as answer:
        done = subprocess.run(
            [promtool, "check", "metrics"], input=answer.read(), capture_output=True, check=False
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.fixture
def pushgateway(tmp_path: Path) -> Iterator[str]:
    """Run a Pushgateway, and return its URL."""
    program = debian_program("prometheus-pushgateway", "prometheus-pushgateway")
    port = free_port()
    log = (tmp_path / "log").open("wb")
    options = [f"--web.listen-address=127.0.0.1:{port}"]
    with log, running([program, *options], stdout=log, stderr=log) as process:
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: is_ready(f"{url}/-/ready"), process)
        yield url


def test_the_waiter_pushes_the_score(model_folder: Path, pushgateway: str) -> None:
    """A real Pushgateway has `model_score` with namespace, build and tenant afterwards."""
    waited = run("waiter", MODELFOLDER=model_folder, PUSHGATEWAY_URL=f"{pushgateway}/")
    assert waited.code == 0, waited.output
    score = (model_folder / "complete.txt").read_text().splitlines()[0]
    assert float(pushed(pushgateway, "model_score", BUILD)) == float(score)
    assert pushed(pushgateway, "modelsystem_waiter_exit_code", BUILD) == "0"


def test_the_waiter_pushes_how_it_failed(
    model_folder: Path, pushgateway: str, tmp_path: Path
) -> None:
    """The score that another pod's waiter has pushed stays."""
    variables = {"PUSHGATEWAY_URL": pushgateway, "BUILDNUMBER": BUILD}
    run("waiter", MODELFOLDER=model_folder, **variables)
    copy = shutil.copytree(model_folder, tmp_path / BUILD)
    next(copy.glob("attempt-*/items*.npy")).write_bytes(b"damaged")
    damaged = run("waiter", MODELFOLDER=copy, VERIFY_TIMEOUT=0, **variables)
    assert damaged.code == 4, damaged.output
    assert pushed(pushgateway, "modelsystem_waiter_exit_code", BUILD) == "4"
    assert pushed(pushgateway, "model_score", BUILD)


def test_the_gate_pushes_its_verdict(site: str, pushgateway: str, tmp_path: Path) -> None:
    """One that lets the build pass, one that refuses it, one about a build that does not answer."""
    program = Path(sys.executable).with_name("release")
    rules = tmp_path / "rules.yaml"
    for candidate, fewest, build, passed in (
        (site, 1, BUILD, "1"),
        (site, 10**6, BUILD, "0"),
        ("http://127.0.0.1:1", 1, "http://127.0.0.1:1", "0"),
    ):
        rules.write_text(f"{{questions: {{floor: {fewest}}}, p99_ms: {{ceiling: 60000}}}}\n")
        command = [program, "gate", candidate, "--champion", "none", "--rules", rules]
        done = subprocess.run(
            command, env={"PUSHGATEWAY_URL": pushgateway}, capture_output=True, check=False
        )
        assert done.returncode == (0 if passed == "1" else 8), done.stderr
        assert pushed(pushgateway, "modelsystem_gate_passed", build, "default") == passed


def test_builds_of_two_namespaces_stand_beside_each_other(
    model_folder: Path, pushgateway: str
) -> None:
    """The same number in another namespace overwrites nothing."""
    variables = {"PUSHGATEWAY_URL": pushgateway, "BUILDNUMBER": BUILD, "WAIT_TIMEOUT": 0}
    assert run("waiter", MODELFOLDER=model_folder, NAMESPACE="staging", **variables).code == 0
    absent = model_folder / "absent"
    assert run("waiter", MODELFOLDER=absent, NAMESPACE="production", **variables).code == 1
    codes = [
        pushed(pushgateway, "modelsystem_waiter_exit_code", BUILD, namespace)
        for namespace in ("staging", "production")
    ]
    assert codes == ["0", "1"]


def pushed(pushgateway: str, name: str, build: str, namespace: str = "") -> str:
    """Return the value that a Pushgateway has for a build without a tenant."""
    with urlopen(f"{pushgateway}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    place = f'instance="",job="modelsystem",namespace="{namespace}",tenant=""'
    labels = f'{{build="{build}",{place}}} '
    return next(line for line in lines if line.startswith(name + labels)).rpartition(" ")[2]
