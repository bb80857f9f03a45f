"""`release gate` asks real sites of real models: better, worse, equal, broken, slow."""

import json
import os
import random
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
from tests.integration.conftest import Ended, Serve, Site, free_port, run

USERS, GROUPS, ITEMS = 6000, 20, 25
RULES = "questions: {floor: 30}\np99_ms: {ceiling: 400}\n"
DELAY = 0.05  # seconds


class Models(NamedTuple):
    """Two builds of the same export."""

    good: Path
    poor: Path


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """Train on users who mostly stay within one group of items; one model may see little of it."""
    folder = tmp_path_factory.mktemp("gate")
    rng = random.Random(7)
    rows = []
    for user in range(USERS):
        group = rng.randrange(GROUPS)
        own = [group * ITEMS + n for n in rng.sample(range(ITEMS), 7)]
        chosen = [rng.randrange(GROUPS * ITEMS), *own]
        rows += [f"u{user},i{item},{1525000000 + n}" for n, item in enumerate(chosen)]
    (folder / "data").mkdir()
    (folder / "data" / "interactions.csv").write_text(
        "user_id,item_id,timestamp\n" + "\n".join(rows) + "\n"
    )
    made = Models(folder / "153", folder / "152")
    for path, neighbours in ((made.good, 100), (made.poor, 1)):
        ended = run(
            "trainer", MODELFOLDER=path, CSV_FOLDER=folder / "data", BUILDNUMBER=path.name,
            PARAMETERS="method=cooccurrence", NEIGHBOURS=neighbours,
        )  # fmt: skip
        assert ended.code == 0, ended.output
    return made


class Gate(NamedTuple):
    """What the gate said."""

    ended: Ended
    told: dict[str, Any]

    def outcome(self, rule: str) -> tuple[bool, str]:
        """Return whether a rule was kept, and why."""
        return next((c["passed"], c["reason"]) for c in self.told["checks"] if c["name"] == rule)


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
        told = json.loads(figures.read_text()) if figures.exists() else {}
        return Gate(Ended(done.returncode, done.stdout), told)

    return call


def open_site(serve: Serve, folder: Path, **more: str) -> Site:
    """Serve a model with its questions."""
    return serve(MODELFOLDER=folder, EVALUATION_ENDPOINT="on", WORKERS=1, **more)


def url(site: Site) -> str:
    """Return where a site is."""
    return f"http://127.0.0.1:{site.port}"


@pytest.fixture
def delayed() -> Iterator[Callable[[int], int]]:
    """Return a function that puts a slow line before a port, and gives the line's own port."""
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
        own: int = listeners[-1].getsockname()[1]
        return own

    yield begin
    for listener in listeners:
        listener.close()


def test_a_first_release_passes_on_its_own_and_tells_everything(
    serve: Serve, models: Models, ask: Ask, tmp_path: Path
) -> None:
    """Without a champion it must beat popularity; table, JSON and JUnit agree."""
    found = ask(url(open_site(serve, models.good)))
    assert found.ended.code == 0, found.ended.output
    assert found.told["passed"]
    assert found.told["champion"] is None
    assert found.told["candidate"]["ndcg@20"]["mean"] > 2 * found.told["popularity"]["ndcg@20"]
    assert "candidate   153" in found.ended.output
    suite = ET.parse(tmp_path / "gate.xml").getroot()[0]
    assert suite.get("failures") == "0"
    assert suite.get("tests") == str(len(found.told["checks"]))


def test_the_figures_are_those_of_the_training(serve: Serve, models: Models, ask: Ask) -> None:
    """The manifest's figures for the gate users, computed by other code inside the training."""
    found = ask(url(open_site(serve, models.good)))
    (attempt,) = models.good.glob("attempt-*")
    manifest = json.loads((attempt / "manifest.json").read_text())
    gate = manifest["model"]["metrics"]["gate"]
    assert found.told["questions"] == gate["users"]
    for ours, theirs in (("candidate", "model"), ("popularity", "popularity")):
        told = found.told[ours]["ndcg@20"]
        value = told["mean"] if isinstance(told, dict) else told
        assert value == pytest.approx(gate[theirs]["at"]["20"]["ndcg"]["mean"], abs=1e-5)


def test_better_worse_and_equal(serve: Serve, models: Models, ask: Ask) -> None:
    """The better build passes against the poorer one, not the other way, and equals pass."""
    good, poor = url(open_site(serve, models.good)), url(open_site(serve, models.poor))
    better = ask(good, poor)
    assert better.ended.code == 0, better.ended.output
    assert better.told["difference"]["ndcg@20"]["low"] > 0
    assert better.told["overlap@20"] < 1
    worse = ask(poor, good)
    assert worse.ended.code == 8, worse.ended.output
    passed, reason = worse.outcome("ndcg champion")
    assert not passed
    assert reason.startswith("worse: -")
    assert "build 152 is refused: ndcg champion: worse" in worse.ended.output
    equal = ask(good, good)
    assert equal.ended.code == 0, equal.ended.output
    assert equal.told["difference"]["ndcg@20"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
    assert equal.told["overlap@20"] == 1


def test_a_broken_site_is_refused(serve: Serve, models: Models, ask: Ask) -> None:
    """Killed while it is asked: what was not answered is an error."""
    site = open_site(serve, models.good)
    real = site.program.process.pid

    def kill() -> None:
        site.program.until("/v1/recommendations")
        os.killpg(real, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    found = ask(url(site))
    killer.join()
    assert found.ended.code == 8, found.ended.output
    assert not found.told or not found.outcome("errors")[0]
    assert "refused" in found.ended.output or "cannot be judged" in found.ended.output


def test_a_site_that_is_not_there_cannot_be_judged(serve: Serve, models: Models, ask: Ask) -> None:
    """Nor can one that keeps its questions to itself; the cure is named."""
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
    """Its model is as good as any, but nobody would wait for it."""
    site = open_site(serve, models.good)
    slow = f"http://127.0.0.1:{delayed(site.port)}"
    found = ask(slow, rules="p50_ms: {ceiling: 40}\n")
    assert found.ended.code == 8, found.ended.output
    passed, reason = found.outcome("p50_ms")
    assert not passed
    assert float(reason.split(",")[0]) > DELAY * 1000
