"""`release gate` asks real sites of real models: better, worse, equal, broken, slow."""

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.integration.conftest import Serve, Site
from tests.programs import Ended, free_port, run

USERS, GROUPS, ITEMS = 6000, 20, 25
RULES = "questions: {floor: 30}\np99_ms: {ceiling: 400}\n"
DELAY = 0.05  # seconds


class Models(NamedTuple):
    """Two builds of the same export."""

    good: Path
    poor: Path


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """Train on users who mostly stay within a group of items; the poor model has one neighbour."""
    folder = tmp_path_factory.mktemp("gate")
    rng = random.Random(7)
    rows = []
    for user in range(USERS):
        group = rng.randrange(GROUPS)
        of_group = [group * ITEMS + n for n in rng.sample(range(ITEMS), 7)]
        items = [rng.randrange(GROUPS * ITEMS), *of_group]
        rows += [f"u{user},i{item},{1525000000 + n}" for n, item in enumerate(items)]
    (folder / "data").mkdir()
    (folder / "data" / "interactions.csv").write_text(
        "user_id,item_id,timestamp\n" + "\n".join(rows) + "\n"
    )
    both = Models(folder / "153", folder / "152")
    for path, neighbours in ((both.good, 100), (both.poor, 1)):
        ended = run(
            "trainer", MODELFOLDER=path, CSV_FOLDER=folder / "data", BUILDNUMBER=path.name,
            PARAMETERS="method=cooccurrence", NEIGHBOURS=neighbours,
        )  # fmt: skip
        assert ended.code == 0, ended.output
    return both


class Gate(NamedTuple):
    """How the gate ended, and the JSON that it wrote."""

    ended: Ended
    report: dict[str, Any]

    def outcome(self, rule: str) -> tuple[bool, str]:
        """Return whether a rule was kept, and why."""
        return next((c["passed"], c["reason"]) for c in self.report["checks"] if c["name"] == rule)


Ask = Callable[..., Gate]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Return a function that runs the gate on a site, beside a champion's if there is one."""

    def call(candidate: str, champion: str = "none", rules: str = RULES) -> Gate:
        (tmp_path / "rules.yaml").write_text(rules)
        figures = tmp_path / "gate.json"
        figures.unlink(missing_ok=True)
        done = subprocess.run(
            [Path(sys.executable).with_name("release"), "gate", candidate, "--champion", champion,
             "--rules", "rules.yaml", "--json", figures, "--junit", "gate.xml"],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False, timeout=120,
        )  # fmt: skip
        report = json.loads(figures.read_text()) if figures.exists() else {}
        return Gate(Ended(done.returncode, done.stdout), report)

    return call


def open_site(serve: Serve, folder: Path, **more: str) -> Site:
    """Serve a model with its questions."""
    return serve(MODELFOLDER=folder, EVALUATION_ENDPOINT="on", WORKERS=1, **more)


def url(site: Site) -> str:
    """Return a site's URL."""
    return f"http://127.0.0.1:{site.port}"


@pytest.fixture
def delayed() -> Iterator[Callable[[int], int]]:
    """Return a function that delays requests to a port, and returns the port that does so."""
    listeners: list[socket.socket] = []

    def pump(source: socket.socket, target: socket.socket, pause: float) -> None:
        try:
            while content := source.recv(1 << 16):
                time.sleep(pause)
                target.sendall(content)
        except OSError:
            pass  # the other side has gone
        finally:
            for end in (source, target):
                end.close()

    def accept(listener: socket.socket, port: int) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", port))
            for pair in ((near, far, DELAY), (far, near, 0.0)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    def begin(port: int) -> int:
        listeners.append(socket.create_server(("127.0.0.1", 0)))
        threading.Thread(target=accept, args=(listeners[-1], port), daemon=True).start()
        slow_port: int = listeners[-1].getsockname()[1]
        return slow_port

    yield begin
    for listener in listeners:
        listener.close()


def test_a_first_release_is_judged_without_a_champion(
    serve: Serve, models: Models, ask: Ask, tmp_path: Path
) -> None:
    """It must beat popularity; table, JSON and JUnit agree."""
    gate = ask(url(open_site(serve, models.good)))
    assert gate.ended.code == 0, gate.ended.output
    assert gate.report["passed"]
    assert gate.report["champion"] is None
    assert gate.report["candidate"]["ndcg@20"]["mean"] > 2 * gate.report["popularity"]["ndcg@20"]
    assert "candidate   153" in gate.ended.output
    suite = ET.parse(tmp_path / "gate.xml").getroot()[0]
    assert suite.get("failures") == "0"
    assert suite.get("tests") == str(len(gate.report["checks"]))


def test_the_figures_are_those_of_the_training(serve: Serve, models: Models, ask: Ask) -> None:
    """The manifest's figures for the gate users, computed by other code inside the training."""
    gate = ask(url(open_site(serve, models.good)))
    (attempt,) = models.good.glob("attempt-*")
    manifest = json.loads((attempt / "manifest.json").read_text())
    trained = manifest["model"]["metrics"]["gate"]
    assert gate.report["questions"] == trained["users"]
    candidate = gate.report["candidate"]["ndcg@20"]["mean"]
    popularity = gate.report["popularity"]["ndcg@20"]
    for value, name in ((candidate, "model"), (popularity, "popularity")):
        assert value == pytest.approx(trained[name]["at"]["20"]["ndcg"]["mean"], abs=1e-5)
    ours, figures = gate.report["candidate"], trained["model"]["at"]["20"]
    assert ours["coverage"] == figures["coverage"]
    # The training counts the users whom it has learned from, the site's popularity all users.
    assert ours["novelty@20"]["mean"] == pytest.approx(figures["novelty"]["mean"], abs=0.01)


def test_better_worse_and_equal(serve: Serve, models: Models, ask: Ask) -> None:
    """The better build passes against the poorer one, not the other way, and equals pass."""
    good, poor = url(open_site(serve, models.good)), url(open_site(serve, models.poor))
    better = ask(good, poor)
    assert better.ended.code == 0, better.ended.output
    assert better.report["difference"]["ndcg@20"]["low"] > 0
    assert better.report["overlap@20"] < 1
    candidate, champion, gain = (
        better.report[of] for of in ("candidate", "champion", "difference")
    )
    assert gain["coverage"] == pytest.approx(candidate["coverage"] - champion["coverage"])
    assert gain["novelty@20"]["low"] <= gain["novelty@20"]["mean"] <= gain["novelty@20"]["high"]
    assert re.search(r"NOVELTY.*\ncandidate .*\nchampion .*\ndifference .*", better.ended.output)
    worse = ask(poor, good)
    assert worse.ended.code == 8, worse.ended.output
    passed, reason = worse.outcome("ndcg champion")
    assert not passed
    assert reason.startswith("worse: -")
    assert "build 152 is refused: ndcg champion: worse" in worse.ended.output
    equal = ask(good, good)
    assert equal.ended.code == 0, equal.ended.output
    none = {"mean": 0.0, "low": 0.0, "high": 0.0}
    means = dict.fromkeys(("ndcg@20", "recall@20", "novelty@20"), none)
    assert equal.report["difference"] == {**means, "coverage": 0.0}
    assert equal.report["overlap@20"] == 1


def test_the_profiles_stand_side_by_side(
    serve: Serve, models: Models, ask: Ask, tmp_path: Path
) -> None:
    """A build whose data breaks a rule is refused, unless the gate's rules accept that."""
    odd = tmp_path / "154"
    export = models.good.parent / "data"
    ended = run(
        "trainer", MODELFOLDER=odd, CSV_FOLDER=export, BUILDNUMBER="154",
        CHAMPIONFOLDER=models.good, DATA_RULES="warn users >= 2 champion",
        PARAMETERS="method=cooccurrence",
    )  # fmt: skip
    assert ended.code == 0, ended.output
    candidate, champion = url(open_site(serve, odd)), url(open_site(serve, models.good))
    refused = ask(candidate, champion)
    assert refused.ended.code == 8, refused.ended.output
    assert "build 154 is refused: data: users is 6,000, at least 12,000" in refused.ended.output
    assert re.search(r"^users +6,000 +6,000 +users$", refused.ended.output, re.MULTILINE)
    assert refused.report["candidate"]["data"]["users"] == USERS
    accepted = ask(candidate, champion, RULES + "data: accept\n")
    assert accepted.ended.code == 0, accepted.ended.output
    assert accepted.outcome("data")[1].startswith("users is 6,000")


def test_a_broken_site_is_refused(serve: Serve, models: Models, ask: Ask) -> None:
    """Killed while it is asked: a question without an answer is an error."""
    site = open_site(serve, models.good)
    real = site.program.process.pid

    def kill() -> None:
        site.program.until("/v1/recommendations")
        os.killpg(real, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    gate = ask(url(site))
    killer.join()
    assert gate.ended.code == 8, gate.ended.output
    assert not gate.report or not gate.outcome("errors")[0]
    assert "refused" in gate.ended.output or "cannot be judged" in gate.ended.output


def test_a_site_that_is_not_there_cannot_be_judged(serve: Serve, models: Models, ask: Ask) -> None:
    """Nor a site without questions; the message has the cure."""
    away = ask(f"http://127.0.0.1:{free_port()}")
    assert away.ended.code == 8
    assert "cannot be judged" in away.ended.output
    closed = serve(MODELFOLDER=models.good)
    silent = ask(url(closed))
    assert silent.ended.code == 8
    assert "set EVALUATION_ENDPOINT=on" in silent.ended.output


def test_a_slow_site_is_refused(
    serve: Serve, models: Models, ask: Ask, delayed: Callable[[int], int]
) -> None:
    """Its answers are good, but late."""
    site = open_site(serve, models.good)
    slow = f"http://127.0.0.1:{delayed(site.port)}"
    gate = ask(slow, rules="p50_ms: {ceiling: 40}\n")
    assert gate.ended.code == 8, gate.ended.output
    passed, reason = gate.outcome("p50_ms")
    assert not passed
    assert float(reason.split(",")[0]) > DELAY * 1000
