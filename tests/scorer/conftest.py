"""Small published models, and scorers that serve them: in this process or in one of their own."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from tests.programs import free_port, running

from modelsystem_scorer import engine
from modelsystem_scorer.app import create_app
from modelsystem_scorer.engine import ServedModel
from modelsystem_scorer.settings import ScorerSettings
from modelsystem_shared import folder, manifest, publication, settings
from modelsystem_shared.numeric import model
from modelsystem_shared.numeric.arrays import Array
from modelsystem_shared.numeric.model import Model, Rows, Strings

BUILD = "20180523.5"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
RUN: manifest.RunPart = {"host": "ö", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
ODD_ITEMS = ["/", "..", "/first", "a/b", "a//b", "a b", "007", "7", "%2F", "?k=1", "x\ny", "x\n"]
ODD_ITEMS += ["Ünï ☃", "😀", "similar", "a/similar", "'\"<b>", "\x00"]
ODD_USERS = ["u/1", "/recommendations", "a/recommendations", "élève", "user one", "😀/😀"]

MakeFolder = Callable[..., Path]
StartSite = Callable[..., "Site"]


def _ids(odd: list[str], plain: str, count: int) -> list[str]:
    ids = [*odd, *(f"{plain}-{n}" for n in range(count))][:count]
    return sorted(ids, key=str.encode)


def _rows(rows: list[Array], n_items: int) -> Rows:
    ends = np.cumsum([len(row) for row in rows], dtype=np.int64)
    return Rows(np.concatenate([[], *rows]).astype(model.index_type(n_items)), ends)


def random_model(
    users: int = 40,
    items: int = 30,
    neighbours: int = 8,
    seed: int = 1,
    *,
    weighted: bool = False,
    histories: bool = True,
) -> Model:
    """Return a random model; item 0 has no neighbours. Without `histories` it has no users.

    Rows of even items have coarse weights, so that scores are often equal; sums of the others
    depend on the order of addition. With `weighted`, items count differently, later ones
    in a request more.
    """
    random = np.random.default_rng(seed)
    similar = [random.choice(items, neighbours, replace=False) for _ in range(items)]
    similar[0] = similar[0][:0]
    weights = [-np.sort(-random.random(len(row))) for row in similar]
    weights = [np.ceil(row * 8) / 8 if n % 2 == 0 else row for n, row in enumerate(weights)]
    history = [np.sort(random.choice(items, 5, replace=False)) for _ in range(users)]
    history[0] = history[0][:0]
    names = _ids(ODD_ITEMS, "item", items)
    confidence = random.random(sum(map(len, history)), np.float32)
    return Model(
        items=Strings.of(names),
        titles=Strings.of(["" if n % 3 == 0 else f"Title of {names[n]}" for n in range(items)]),
        users=Strings.of(_ids(ODD_USERS, "user", users) if histories else []),
        similar=_rows(similar, items),
        similarity=np.concatenate(weights).astype(np.float32),
        history=_rows(history if histories else [], items),
        confidence=(confidence if weighted else np.ones_like(confidence))[
            : None if histories else 0
        ],
        recency=np.array([1, 0.5, 0.25] if weighted else [1], np.float32),
        trend=(random.integers(0, 20, items) / 32).astype(np.float32),
        questions=_rows([history[1], history[2], history[3]], items),
        answers=_rows([history[4][:2], history[5][:1], history[6]], items),
    )


def write(
    target: Path, content: Model, build: str, run: manifest.RunPart = RUN, **facts: object
) -> Path:
    """Publish a model in `target`, as a training does; `facts`: more of the manifest."""
    attempt = target / folder.new_attempt_name()
    attempt.mkdir(parents=True)
    for name, array in model.arrays(content):
        np.save(attempt / name, array)
    files = publication.describe(attempt, [name for name, _ in model.arrays(content)])
    part = {"format": manifest.FORMAT, "build": build, "files": manifest.listing(files)} | facts
    publication.publish(target, attempt, manifest.Manifest(part, run), "0.148812")
    return target


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Return a function that publishes a random model in a new folder."""

    def make(name: str = "model", build: str = BUILD, **sizes: int) -> Path:
        return write(tmp_path / name, random_model(**sizes), build)

    return make


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of one model, for all tests that only read it."""
    return write(tmp_path_factory.mktemp("models") / BUILD, random_model(), BUILD)


@pytest.fixture
def copied_folder(model_folder: Path, tmp_path: Path) -> Path:
    """Return a copy of the model folder, which a test can damage."""
    return shutil.copytree(model_folder, tmp_path / "copy")


@pytest.fixture(scope="session")
def load() -> Callable[..., ServedModel]:
    """Return a function that loads a model as the program does."""

    def load(model_folder: Path, **variables: str) -> ServedModel:
        environ = {"MODELFOLDER": str(model_folder), **variables}
        scorer_settings = settings.read(ScorerSettings, environ)
        return engine.load(
            scorer_settings.source, scorer_settings.build, tenant=scorer_settings.tenant
        )

    return load


@pytest.fixture(scope="session")
def served(model_folder: Path, load: Callable[..., ServedModel]) -> ServedModel:
    """Return the loaded model."""
    return load(model_folder)


@pytest.fixture(scope="session")
def item_ids(served: ServedModel) -> list[str]:
    """Return all item ids by index."""
    return [served.model.items[item] for item in range(served.model.n_items)]


@pytest.fixture(scope="session")
def user_ids(served: ServedModel) -> list[str]:
    """Return all user ids by index."""
    return [served.model.users[user] for user in range(len(served.model.users))]


@pytest.fixture
def client(served: ServedModel) -> FlaskClient:
    """Return a client of the site in this process."""
    return create_app(served).test_client()


@dataclass(frozen=True)
class Answer:
    """A response, read to its end."""

    status: int
    body: bytes


@dataclass(frozen=True)
class Site:
    """A scorer in a process group of its own."""

    process: subprocess.Popen[bytes]
    port: int
    log_file: Path

    def ask(self, path: str, method: str = "GET", body: bytes | None = None) -> Answer:
        """Send one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.read())

    def connect(self) -> socket.socket:
        """Open a connection to send single bytes on."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def send(self, request: bytes) -> bytes:
        """Send exactly these bytes; return everything that is received."""
        answer = b""
        with self.connect() as connection, contextlib.suppress(ConnectionError):
            with contextlib.suppress(OSError):  # refused before everything was sent
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
            while received := connection.recv(65536):
                answer += received
        return answer

    def is_ready(self) -> bool:
        """Whether it is ready."""
        try:
            return self.ask("/readyz").status == 200
        except OSError:
            return False

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds; the site must not end before."""
        deadline = time.monotonic() + 60
        while not condition():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def end(self) -> int:
        """Wait until the process ends, and return its exit code."""
        return self.process.wait(timeout=60)

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        pid = self.process.pid
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def kill_workers(self) -> None:
        """Kill all workers, and wait until they are replaced."""
        killed = self.workers()
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        self.wait_until(lambda: len({*self.workers()} - {*killed}) >= len(killed))

    def log(self) -> str:
        """Return everything that it has printed."""
        return self.log_file.read_text()


@pytest.fixture(scope="session")
def start_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartSite]:
    """Return a function that starts a scorer; those that still run are killed at the end."""
    with contextlib.ExitStack() as stack:

        def start(*, wait: bool = True, **variables: str | Path) -> Site:
            environ = {"HOST": "127.0.0.1", "PORT": str(free_port()), "LOG_FORMAT": "json"}
            environ |= {name: str(value) for name, value in variables.items()}
            log_file = tmp_path_factory.mktemp("site") / "log"
            with log_file.open("wb") as log:
                process = running(
                    [sys.executable, "-m", "modelsystem_scorer"],
                    env={**_clean_environment(), **environ},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
                site = Site(stack.enter_context(process), int(environ["PORT"]), log_file)
            if wait:
                site.wait_until(site.is_ready)
            return site

        yield start


def _clean_environment() -> dict[str, str]:
    names = {variable.name for variable in settings.variables(ScorerSettings)}
    return {name: value for name, value in os.environ.items() if name not in names}


@pytest.fixture(scope="session")
def site(start_site: StartSite, model_folder: Path) -> Site:
    """Return one running scorer, for all tests that do not change it."""
    return start_site(MODELFOLDER=model_folder)
