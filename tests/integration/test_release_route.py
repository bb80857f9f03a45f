"""Traffic moves between real sites of real builds; only the cluster around them is a fake."""

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from tests.integration.conftest import Ask, Live, Site, write_key
from tests.programs import Ended
from tests.release.fake_cluster import deployment, http_route, pod
from tests.release.recorded import recorded

from modelsystem_release import artefact

CHANGED = "release: promote 153, step "


def test_a_good_build_is_promoted_step_by_step(live: Live) -> None:
    """Each step is watched; in the end the build has all traffic, and can be rolled back."""
    steps = ("--steps", "10,100", "--hold", "2s", "--every", "1s", "--rules", "rules.yaml")
    ended = live.release("route", "promote", "153", *steps, "--why", "nightly")
    assert ended.code == 0, ended.output
    for share in (10, 100):  # how often depends on how long a check takes
        assert f"build 153 at {share} %: healthy" in ended.output, ended.output
    assert live.cluster.routed() == {"153": 100}
    changes = live.changes()
    assert [change["after"] for change in changes] == [{"153": 100}, {"152": 90, "153": 10}]
    assert len({change["id"] for change in changes}) == 1
    back = live.release("route", "rollback", "--why", "a customer called")
    assert back.code == 0, back.output
    assert live.cluster.routed() == {"152": 100}


def test_pods_that_come_and_go_do_not_undo_a_promotion(live: Live) -> None:
    """An autoscaler wants a second pod, the first one ends, and its forward with it."""
    steps = ("--steps", "10,100", "--hold", "6s", "--every", "1s", "--rules", "rules.yaml")
    with live.start("route", "promote", "153", *steps) as process:
        assert process.stdout
        output = process.stdout.readline()
        scaled = deployment("153", ready=1)
        second = pod("pod-153-b", "153", conditions=[{"type": "Ready", "status": "False"}])
        others = [thing for thing in live.cluster.state["objects"] if "153" not in str(thing)]
        live.cluster.change(objects=[*others, scaled, pod("pod-153", "153"), second])
        for line in process.stdout:
            output += line
            if "short of pods" in line:
                break
        live.cluster.end_forwards()
        live.cluster.change(
            objects=[*others, deployment("153"), pod("pod-153-b", "153")],
            sites=live.cluster.state["sites"]
            | {"pod-153-b": live.cluster.state["sites"]["pod-153"]},
        )
        output += process.stdout.read()
        assert process.wait(60) == 0, output
    assert live.cluster.routed() == {"153": 100}


@contextlib.contextmanager
def users_of(site: Site) -> Iterator[None]:
    """Send a site a request every 20 ms, over one connection that stays open."""
    stopped = threading.Event()

    def ask() -> None:
        pool = urllib3.HTTPConnectionPool("127.0.0.1", site.port, maxsize=1)
        while not stopped.wait(0.02):
            pool.request("GET", "/v1/users/u1/recommendations?k=1")

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        stopped.set()
        asking.join()


@pytest.mark.parametrize("provider", ["gateway", "service"])
def test_users_that_do_not_come_are_a_fault_of_a_gateway_only(live: Live, provider: str) -> None:
    """Clients that keep their connection to the champion are what a plain Service promises."""
    live.cluster.route({"152": 100}, provider=provider)
    steps = ("--steps", "100", "--hold", "3s", "--every", "2s", "--rules", "rules.yaml")
    with users_of(live.sites["152"]):
        ended = live.release("route", "promote", "153", *steps)
    if provider == "service":
        assert ended.code == 0, ended.output
        assert "moves new connections only" in ended.output
    else:
        assert ended.code == 9, ended.output
        assert "none of the users' requests has reached it" in ended.output


def test_a_route_that_no_gateway_uses_is_rolled_back(live: Live) -> None:
    """As a real Gateway judged a route whose backend it does not find."""
    (route,) = [r for r in recorded("httproutes") if r["metadata"]["name"] == "route-port-absent"]
    route["metadata"]["labels"] = {"app.kubernetes.io/instance": "modelsystem-routing"}
    live.cluster.add(route)
    ended = live.release("route", "promote", "153", "--steps", "10,100", "--every", "1s")
    assert ended.code == 9, ended.output
    assert "build 153 was rolled back: HTTPRoute route-port-absent: ResolvedRefs" in ended.output
    assert live.cluster.routed() == {"152": 100}


def test_a_build_that_breaks_under_traffic_is_rolled_back(live: Live) -> None:
    """Its site is killed during a step: the weights are as before, and the change is recorded."""
    site = live.sites["153"].program.process
    steps = ("--steps", "10,100", "--hold", "5m", "--every", "1s", "--rules", "rules.yaml")
    started = time.monotonic()
    with live.start("route", "promote", "153", *steps) as process:
        assert process.stdout
        output = ""
        for line in process.stdout:
            output += line
            if "healthy" in line:
                os.killpg(site.pid, signal.SIGKILL)
        process.wait()
    assert process.returncode == 9, output
    assert "build 153 was rolled back: " in output
    assert time.monotonic() - started < 60
    assert live.cluster.routed() == {"152": 100}
    assert live.changes()[0]["action"] == "roll back 153"


def test_a_build_that_is_too_slow_is_rolled_back(live: Live) -> None:
    """The rules of the gate hold under traffic, too."""
    (live.folder / "rules.yaml").write_text("p99_ms: {ceiling: 0.01}\n")
    steps = ("--steps", "10,100", "--hold", "1m", "--rules", "rules.yaml")
    ended = live.release("route", "promote", "153", *steps)
    assert ended.code == 9, ended.output
    assert "p99_ms of 20 probes' requests" in ended.output
    assert live.cluster.routed() == {"152": 100}


def test_a_build_that_is_not_ready_gets_no_traffic(live: Live) -> None:
    """Not even the first step."""
    live.cluster.change(objects=[deployment("152"), deployment("153", ready=1)])
    ended = live.release("route", "promote", "153")
    assert ended.code == 2
    assert "build 153 is not ready: the weights stay as they are" in ended.output
    assert live.cluster.changing() == []


def test_another_change_is_not_overwritten(live: Live) -> None:
    """A promotion stops if the weights are not those that it has set."""

    def interfere() -> None:
        deadline = time.monotonic() + 60
        while live.cluster.routed() == {"152": 100} and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(0.5)
        live.cluster.route({"152": 77, "153": 23})

    other = threading.Thread(target=interfere)
    other.start()
    steps = ("--steps", "10,100", "--hold", "4s", "--every", "1s", "--rules", "rules.yaml")
    ended = live.release("route", "promote", "153", *steps)
    other.join()
    assert ended.code == 2, ended.output
    assert "the weights were changed to 152=77 153=23 during the promotion" in ended.output
    assert live.cluster.routed() == {"152": 77, "153": 23}


def test_the_gate_reaches_both_builds_by_port_forward(live: Live) -> None:
    """The candidate by its number, the champion by the route."""
    ended = live.release("gate", "153", "--rules", "rules.yaml", "--output", "json")
    assert ended.code in (0, 8), ended.output
    data = json.loads(ended.output[ended.output.index("{") : ended.output.rindex("}") + 1])
    assert (data["candidate"]["build"], data["champion"]["build"]) == ("153", "152")
    assert data["difference"]["ndcg@20"]["mean"] == 0.0


@pytest.fixture
def package(live: Live) -> Path:
    """Return the artefact of build 153."""
    values = b'build:\n  number: "153"\nenv:\n  BLOB_STORAGE_KEY: "geheim=="\n'
    contents = {"Chart.yaml": b"name: modelsystem\n", "values.yaml": values}
    commit = {"modelsystem/commit": "c" * 40, "modelsystem/pull-request": "12"}
    _, content = artefact.make(contents, commit, live.folder)
    path = live.folder / "153.tar.gz"
    path.write_bytes(content)
    return path


IMAGES = {"trainer": "a" * 64, "scorer": "b" * 64, "waiter": "d" * 64}


def running(build: str, scorer: str) -> dict[str, Any]:
    """Return a pod of the site that runs these images."""
    return pod(
        f"pod-{build}", build,
        initContainerStatuses=[
            {"name": "waiter-container", "imageID": f"acr.example/waiter@sha256:{'d' * 64}"}
        ],
        containerStatuses=[{"name": "scorer", "imageID": f"acr.example/scorer@sha256:{scorer}"}],
    )  # fmt: skip


def test_verify_compares_a_running_build_with_its_provenance(live: Live, package: Path) -> None:
    """Commit, run, parameters, images, data and metrics; another model or image is refused."""
    images = [f"--image=acr.example/{name}@sha256:{sha}" for name, sha in IMAGES.items()]
    made = live.release("provenance", package.name, *images, "--trained", "153", "--into", "p.json")
    assert made.code == 0, made.output
    assert "geheim" not in made.output
    statement = json.loads((live.folder / "p.json").read_text())
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert [subject["name"] for subject in statement["subject"]] == [
        "153.tar.gz", "acr.example/trainer", "acr.example/scorer", "acr.example/waiter"
    ]  # fmt: skip
    definition = statement["predicate"]["buildDefinition"]
    assert definition["externalParameters"]["env"] == {"BLOB_STORAGE_KEY": "***"}
    assert definition["internalParameters"]["modelsystem/pull-request"] == "12"
    commit, data = definition["resolvedDependencies"]
    assert commit["digest"] == {"gitCommit": "c" * 40}
    assert data["name"] == "interactions.csv"
    (model,) = statement["predicate"]["runDetails"]["byproducts"]
    assert 0 <= model["annotations"]["metrics"]["model"]["ndcg"]["mean"] <= 1
    assert model["annotations"]["metrics"]["model"]["novelty"]["mean"] > 0

    others = [thing for thing in live.cluster.state["objects"] if thing["kind"] != "Pod"]
    live.cluster.change(objects=[*others, running("153", "b" * 64)])
    good = live.release("verify", "p.json", "153", "--artefact", package.name)
    assert good.code == 0, good.output
    assert "not in release modelsystem-routing, sent by nothing" in good.output
    live.cluster.route({"152": 50, "153": 50})
    unsent = live.release("verify", "p.json", "153")
    assert unsent.code == 4
    assert "requests: 50 % by release modelsystem-routing, sent by nothing" in unsent.output
    live.cluster.add(http_route("152", "153"))
    sent = live.release("verify", "p.json", "153")
    assert sent.code == 0, sent.output
    assert "50 % by release modelsystem-routing, sent by HTTPRoute" in sent.output
    other = live.release("verify", "p.json", f"http://127.0.0.1:{live.sites['152'].port}")
    assert other.code == 4
    assert "build: 152, but the statement has 153" in other.output
    live.cluster.add(running("153", "e" * 64))
    swapped = live.release("verify", "p.json", "153")
    assert swapped.code == 4
    assert "image of scorer in pod-153" in swapped.output


def test_verify_checks_signatures_as_one_chain(
    live: Live, package: Path, models: Path, judge: Ask
) -> None:
    """From the signed statement to the model: the link that broke first is named first."""
    write_key(live.folder, "theirs")
    ours = models / "ours.pub"
    images = [f"--image=acr.example/{name}@sha256:{sha}" for name, sha in IMAGES.items()]
    for key in (models / "ours.pem", live.folder / "theirs.pem"):
        into = ("--key", str(key), "--into", f"{key.stem}.json")
        made = live.release("provenance", package.name, *images, "--trained", "153", *into)
        assert made.code == 0, made.output
    assert judge("envelope", live.folder / "ours.json", ours) == "https://slsa.dev/provenance/v1"
    others = [thing for thing in live.cluster.state["objects"] if thing["kind"] != "Pod"]
    live.cluster.change(objects=[*others, running("153", "b" * 64)])

    def verify(*arguments: object) -> Ended:
        return live.release("verify", *map(str, arguments), "--artefact", package.name)

    good = verify("ours.json", "153", "--trusted-keys", ours)
    assert good.code == 0, good.output
    assert "signature of the statement" in good.output
    assert "signature of the model" in good.output
    assert verify("ours.json", "153").code == 0  # without keys it is read, not trusted
    broken = "153 is not what its provenance says: "
    other = verify("theirs.json", "153", "--trusted-keys", ours)
    assert other.code == 4
    assert f"{broken}signature of the statement: the statement is signed by key" in other.output
    neither = verify("ours.json", "153", "--trusted-keys", live.folder / "theirs.pub")
    assert "then signature of the model: model.sig is signed by key" in neither.output
    live.release("provenance", package.name, *images, "--trained", "153", "--into", "p.json")
    unsigned = verify("p.json", "153", "--trusted-keys", ours)
    assert f"{broken}signature of the statement: the statement is not signed" in unsigned.output
    live.cluster.change(objects=[*others, running("153", "e" * 64)])
    swapped = verify("ours.json", "153", "--trusted-keys", ours)
    assert f"{broken}image of scorer in pod-153" in swapped.output
    url = f"http://127.0.0.1:{live.sites['152'].port}"
    assert "the model is not signed" in verify("ours.json", url, "--trusted-keys", ours).output
    assert verify("ours.json", "153", "--trusted-keys", package).code == 2


def test_a_statement_without_a_model_is_not_enough(live: Live, package: Path) -> None:
    """Made before the training it has the inputs only; verify names the missing part."""
    live.release("provenance", package.name, "--into", "p.json")
    ended = live.release("verify", "p.json", f"http://127.0.0.1:{live.sites['153'].port}")
    assert ended.code == 4
    assert "and the statement has none" in ended.output
    tagged = live.release("provenance", package.name, "--image", "acr.example/trainer:153")
    assert tagged.code == 2
    assert "a tag can be moved" in tagged.output
