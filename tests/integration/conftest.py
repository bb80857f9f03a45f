"""Real services and real processes: Azurite and the three programs as users start them."""

import contextlib
import fcntl
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import pytest
from azure.storage.blob import ContainerClient, ContentSettings
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from tests.release.fake_cluster import Cluster, deployment, pod, service

from modelsystem_shared.signing import KeyFile

SIGNING = Path(__file__).parents[2] / ".tools" / "signing" / "bin" / "python"
Ask = Callable[..., Any]
AZURITE = "azurite@3.37.0"
TOOLS = Path(__file__).parents[2] / ".tools" / "azurite"
ACCOUNT = "devstoreaccount1"
# Published with Azurite, the same in every installation: no secret.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
NIGHT = "2018/05/08"  # the ETL's folder for one night
BUILD = "20180523.5"
# With these settings a trainer skips the search for parameters.
QUICK = {"BUILDNUMBER": BUILD, "PARAMETERS": "method=cooccurrence", "LOG_FORMAT": "json"}
LEARNERS, COURSES = 60, 40

Files = Mapping[str, bytes]


class Ended(NamedTuple):
    """How a program ended: its exit code, negative for a signal, and its output."""

    code: int
    output: str


def command(program: str) -> list[str]:
    """Return a workload's console script by its absolute path: no environment is activated."""
    return [str(Path(sys.executable).parent / f"modelsystem-{program}")]


def environment(**variables: object) -> dict[str, str]:
    """Return an environment of these variables and no others."""
    return {name: str(value) for name, value in variables.items()}


def run(program: str, **variables: object) -> Ended:
    """Run a workload to its end."""
    ended = subprocess.run(
        command(program),
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return Ended(ended.returncode, ended.stdout)


def free_port() -> int:
    """Return a port that is free at this moment, and that Linux gives to no client by itself."""
    while True:
        port = random.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


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


class Azurite(NamedTuple):
    """A running Azurite."""

    port: int

    @property
    def endpoint(self) -> str:
        """The URL of its one account."""
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"

    def client(self, container: str) -> ContainerClient:
        """Return a client of one of its containers."""
        credential = {"account_name": ACCOUNT, "account_key": KEY}
        return ContainerClient(self.endpoint, container, credential=credential)

    def put(self, container: str, files: Files, encoding: str | None = None) -> None:
        """Write blobs; existing ones are replaced."""
        settings = ContentSettings(content_encoding=encoding)
        with self.client(container) as client:
            for name, content in files.items():
                client.upload_blob(name, content, overwrite=True, content_settings=settings)

    def container(self, files: Files, encoding: str | None = None) -> str:
        """Create a container with these blobs, and return its name."""
        name = f"test-{uuid.uuid4().hex}"
        with self.client(name) as client:
            client.create_container()
        self.put(name, files, encoding)
        return name

    def variables(self, container: str) -> dict[str, str]:
        """Return the settings with which a trainer reads the folder of the night."""
        return {
            "BLOB_STORAGE_ACCOUNT": ACCOUNT,
            "BLOB_STORAGE_KEY": KEY,
            "BLOB_STORAGE_ENDPOINT": self.endpoint,
            "BLOB_STORAGE_CONTAINER": container,
            "BLOB_STORAGE_CSV_FOLDER": f'"{NIGHT}"',  # in quotes, as the seed's pipeline sends it
        }


@contextlib.contextmanager
def installing() -> Iterator[None]:
    """Hold a lock of this machine: workers of pytest must not install the same at once."""
    with (Path(tempfile.gettempdir()) / "modelsystem-tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def azurite_program() -> Path:
    """Return Azurite's path; install it into `.tools/`, which git ignores, if it is missing."""
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        pytest.skip("Azurite needs Node: there is no node or no npm on the PATH")
    program = TOOLS / "node_modules" / ".bin" / "azurite-blob"
    with installing():
        if not program.exists():
            options = ["--no-save", "--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run([npm, "install", "--prefix", TOOLS, *options, AZURITE], check=True)
    return program


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """Run an Azurite for all tests."""
    azurite = Azurite(free_port())
    options = ["--blobHost", "127.0.0.1", "--blobPort", str(azurite.port), "--silent"]
    options += ["--location", str(tmp_path_factory.mktemp("azurite"))]
    options += ["--skipApiVersionCheck", "--disableTelemetry"]
    with subprocess.Popen([azurite_program(), *options]) as process:
        try:
            wait_for(lambda: answers(azurite.port), process)
            yield azurite
        finally:
            process.kill()


def wait_for(condition: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    """Wait until the condition holds, at most 60 s and as long as the process lives."""
    deadline = time.monotonic() + 60
    while True:
        has_ended = process.poll() is not None
        if condition():
            return
        assert not has_ended, f"{process.args!r} ended with {process.returncode}"
        assert time.monotonic() < deadline, f"{process.args!r} is not ready after 60 s"
        time.sleep(0.05)


def answers(port: int) -> bool:
    """Whether a program accepts connections on a port of this machine."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


def debian_program(name: str, package: str) -> str:
    """Return the path of a program; root installs it with apt-get if it is missing."""
    with installing():
        if not shutil.which(name) and os.geteuid() == 0 and shutil.which("apt-get"):
            subprocess.run(["apt-get", "update", "-qq"], check=False)
            command = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", package]
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    path = shutil.which(name)
    if not path:
        pytest.skip(f"{name} is not installed, and only root could install it with apt-get")
    return path


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
    programs: list[Started] = []

    def begin(program: str, **variables: object) -> Started:
        log = tmp_path / f"{len(programs)}-{program}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                command(program),
                env=environment(**variables),
                stdout=file,
                stderr=file,
                start_new_session=True,  # so that a scorer's workers can be killed with it
            )
        programs.append(Started(process, log))
        return programs[-1]

    yield begin
    for program in programs:
        if program.process.poll() is None:
            os.killpg(program.process.pid, signal.SIGKILL)
            program.process.wait()


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
        subprocess.Popen(
            command("scorer"),
            env=environment(**variables, EVALUATION_ENDPOINT="on"),
            stdout=file,
            stderr=file,
            start_new_session=True,
        ) as process,
    ):
        wait_for(lambda: answers(port), process)
        yield f"http://127.0.0.1:{port}"
        os.killpg(process.pid, signal.SIGKILL)
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

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start the tool."""
        return subprocess.Popen(
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
    with subprocess.Popen(program, text=True, **pipes) as process:
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
        writer.close()


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
