"""What tests share: Azurite, small exports, models, and sites that answer."""

import itertools
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from tests.integration.azurite import Azurite, azurite_program
from tests.programs import Ended, answers, command, environment, free_port, run, running, wait_for
from tests.release.fake_cluster import Cluster, deployment, pod, service

from modelsystem_shared.signing import KeyFile

SIGNING = Path(__file__).parents[2] / ".tools" / "signing" / "bin" / "python"
Ask = Callable[..., Any]
BUILD = "20180523.5"
# With these settings a trainer skips the search for parameters.
QUICK = {"BUILDNUMBER": BUILD, "PARAMETERS": "method=cooccurrence", "LOG_FORMAT": "json"}
Train = Callable[..., Ended]
LEARNERS, COURSES = 60, 40


def interactions(seed: int = 1) -> bytes:
    """Return interactions of a few learners with a few courses."""
    rng = random.Random(seed)
    rows = [
        f"learner-{learner},course-{course},{1525000000 + rng.randrange(10**6)}\n"
        for learner in range(LEARNERS)
        for course in rng.sample(range(COURSES), 8)
    ]
    return b"user_id,item_id,timestamp\n" + "".join(rows).encode()


def catalogue() -> bytes:
    """Return the titles of the courses."""
    rows = [f"course-{number},Course Number {number}\n" for number in range(COURSES)]
    return ("item_id,title\n" + "".join(rows)).encode()


@pytest.fixture(scope="session")
def small_export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a small export, on which a training takes about a second."""
    folder = tmp_path_factory.mktemp("export")
    (folder / "interactions.csv").write_bytes(interactions())
    (folder / "items.csv").write_bytes(catalogue())
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return a model folder that does not exist yet."""
    return tmp_path / "models" / BUILD


@pytest.fixture
def train(target: Path) -> Train:
    """Return a function that trains from a container, quickly."""

    def once(azurite: Azurite, container: str, **variables: object) -> Ended:
        settings = azurite.variables(container) | QUICK | variables
        return run("trainer", MODELFOLDER=target, **settings)

    return once


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """Run an Azurite for all tests."""
    azurite = Azurite(free_port())
    options = ["--blobHost", "127.0.0.1", "--blobPort", str(azurite.port), "--silent"]
    options += ["--location", str(tmp_path_factory.mktemp("azurite"))]
    options += ["--skipApiVersionCheck", "--disableTelemetry"]
    with running([azurite_program(), *options]) as process:
        wait_for(lambda: answers(azurite.port), process)
        yield azurite


class Started(NamedTuple):
    """A program that runs, and the file that it logs to."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def until(self, words: str) -> None:
        """Wait until its log contains `words`."""
        wait_for(lambda: words in self.log.read_text(), self.process)

    def end(self) -> Ended:
        """Wait until it ends."""
        return Ended(self.process.wait(timeout=60), self.log.read_text())


class Site(NamedTuple):
    """A scorer that answers."""

    program: Started
    port: int

    def ask(self, path: str, body: object = None) -> Any:
        """Return the answer's text, or its JSON; a request with a body is a POST."""
        url = f"http://127.0.0.1:{self.port}{path}"
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(url, data, {"Content-Type": "application/json"})) as answer:
            text = answer.read().decode()
            return json.loads(text) if answer.headers.get_content_subtype() == "json" else text


Start = Callable[..., Started]
Serve = Callable[..., Site]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a workload, which is killed after the test if it runs."""
    numbers = itertools.count()
    with ExitStack() as stack:

        def begin(program: str, **variables: object) -> Started:
            log = tmp_path / f"{next(numbers)}-{program}.log"
            with log.open("wb") as file:
                environ = environment(**variables)
                process = running(command(program), env=environ, stdout=file, stderr=file)
                return Started(stack.enter_context(process), log)

        yield begin


@pytest.fixture
def serve(start: Start) -> Serve:
    """Return a function that starts a scorer and waits until it answers."""

    def begin(**variables: object) -> Site:
        port = free_port()
        site = Site(start("scorer", HOST="127.0.0.1", PORT=port, **variables), port)
        wait_for(lambda: answers(port), site.program.process)
        return site

    return begin


@pytest.fixture(scope="session")
def model_folder(small_export: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a trained build, for all tests that only read it."""
    path = tmp_path_factory.mktemp("models") / BUILD
    trained = run("trainer", MODELFOLDER=path, CSV_FOLDER=small_export, **QUICK)
    assert trained.code == 0, trained.output
    return path


@pytest.fixture(scope="session")
def site(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve that build, and return the site's URL; nothing in its log may be an error."""
    port = free_port()
    variables = {"MODELFOLDER": model_folder, "HOST": "127.0.0.1", "PORT": port, "WORKERS": 2}
    log = tmp_path_factory.mktemp("site") / "log"
    with (
        log.open("wb") as file,
        running(
            command("scorer"),
            env=environment(**variables, EVALUATION_ENDPOINT="on"),
            stdout=file,
            stderr=file,
        ) as process,
    ):
        wait_for(lambda: answers(port), process)
        yield f"http://127.0.0.1:{port}"
    assert '"traceback"' not in log.read_text()
    assert '"level": "error"' not in log.read_text()


def get(url: str, body: Any = None) -> Any:
    """Return the JSON of an answer."""
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, {"Content-Type": "application/json"})) as answer:
        return json.load(answer)


RULES = "p99_ms: {ceiling: 2000}\np50_ms: {ceiling: 1000}\nndcg: {loss: 1}\n"


class Live(NamedTuple):
    """A fake cluster with two real sites, of builds 152 and 153; the first has all traffic."""

    cluster: Cluster
    sites: dict[str, Site]
    folder: Path

    def release(self, *arguments: str) -> Ended:
        """Run the tool to its end."""
        with self.start(*arguments) as process:
            output, _ = process.communicate(timeout=120)
        return Ended(process.returncode, output)

    def start(self, *arguments: str) -> "AbstractContextManager[subprocess.Popen[str]]":
        """Run the tool as long as a context lasts."""
        return running(
            [Path(sys.executable).with_name("release"), *arguments],
            cwd=self.folder,
            env=self.cluster.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def changes(self) -> list[dict[str, Any]]:
        """Return what is recorded on the route, the newest first."""
        ended = self.release("route", "show", "--output", "json")
        changes: list[dict[str, Any]] = json.loads(ended.output)["changes"]
        return changes


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train two builds of many users, so that some are gate users."""
    folder = tmp_path_factory.mktemp("two-builds")
    (folder / "data").mkdir()
    rows = [
        f"u{user},i{(user * 7 + n * (1 + user % 3)) % 60},{1525000000 + n}"
        for user in range(3000)
        for n in range(8)
    ]
    text = "user_id,item_id,timestamp\n" + "\n".join(rows) + "\n"
    (folder / "data" / "interactions.csv").write_text(text)
    write_key(folder, "ours")
    for build, key in (("152", {}), ("153", {"SIGNING_KEY_FILE": folder / "ours.pem"})):
        ended = run(
            "trainer", MODELFOLDER=folder / build, CSV_FOLDER=folder / "data", BUILDNUMBER=build,
            PARAMETERS="method=cooccurrence", GIT_COMMIT="c" * 40, **key,
        )  # fmt: skip
        assert ended.code == 0, ended.output
    return folder


@pytest.fixture
def live(serve: Serve, models: Path, tmp_path: Path) -> Live:
    """Serve both builds, in a fake cluster."""
    cluster = Cluster(tmp_path / "cluster")
    served = {
        build: serve(MODELFOLDER=models / build, EVALUATION_ENDPOINT="on", WORKERS=1)
        for build in ("152", "153")
    }
    urls = {build: f"http://127.0.0.1:{site.port}" for build, site in served.items()}
    for build in served:
        cluster.add(deployment(build), service(build), pod(f"pod-{build}", build))
    cluster.change(
        sites={f"scoring-{build}": url for build, url in urls.items()}
        | {f"pod-{build}": url for build, url in urls.items()}
    )
    cluster.route({"152": 100})
    (tmp_path / "rules.yaml").write_text(RULES)
    return Live(cluster, served, tmp_path)


@pytest.fixture(scope="session")
def judge() -> Iterator[Ask]:
    """Start `judge.py`, and return a function that gives it a command and returns its answer."""
    if not SIGNING.exists():
        pytest.skip("run `make .tools/signing/.installed`")
    program = [SIGNING, Path(__file__).with_name("judge.py")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with running(program, text=True, **pipes) as process:
        assert process.stdin
        assert process.stdout
        reader, writer = process.stdout, process.stdin

        def ask(*words: object) -> object:
            writer.write(json.dumps([str(word) for word in words]) + "\n")
            writer.flush()
            answer = reader.readline()
            assert answer, "the judge has ended"
            return json.loads(answer)

        yield ask


def write_key(folder: Path, name: str) -> KeyFile:
    """Write `<name>.pem` and `<name>.pub`, and return the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / f"{name}.pem").write_bytes(private)
    (folder / f"{name}.pub").write_bytes(public_pem(key))
    return KeyFile(folder / f"{name}.pem")


def public_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the public key that belongs to a private one."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
