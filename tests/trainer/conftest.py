"""Exports, readings and trainers as factories, and one published model that no test changes."""

import gzip
import json
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import hypothesis
import pytest
from tests.trainer.forked import Fork

from modelsystem_shared import folder, settings
from modelsystem_shared.folder import Published
from modelsystem_trainer import export
from modelsystem_trainer.columns import Columns
from modelsystem_trainer.evaluation import holdout
from modelsystem_trainer.ingest import Interactions
from modelsystem_trainer.reading import ReadOptions, read_export
from modelsystem_trainer.settings import Settings

# On a busy machine a deadline measures the machine, not the code.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")
CLUSTERS, ITEMS_IN_CLUSTER = 4, 30
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
Files = Mapping[str, str | bytes]


@dataclass
class Trainer:
    """A trainer as a process of its own."""

    process: Fork
    model_folder: Path

    @cached_property
    def output(self) -> str:
        """All that it printed, once it has ended."""
        self.process.wait(timeout=120)
        return self.process.output.read_text()

    @property
    def code(self) -> int:
        """Its exit code, once it has ended."""
        assert self.output
        return self.process.wait()

    @property
    def messages(self) -> list[str]:
        """The sentences of its log."""
        return [json.loads(line)["message"] for line in self.output.splitlines()]

    @property
    def published(self) -> Published:
        """The model that it published, verified."""
        assert self.code == 0, self.output
        published = folder.published(self.model_folder)
        folder.verify(published)
        return published

    def pause(self) -> None:
        """Stop it in the middle of its training, until `resume`."""
        while not folder.attempts(self.model_folder):
            assert self.process.poll() is None, self.output
            time.sleep(0.005)
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue the training."""
        self.process.send_signal(signal.SIGCONT)


@pytest.fixture(scope="session")
def new_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make new folders, for threads at once too, where pytest's factory sometimes fails."""
    base = tmp_path_factory.getbasetemp()
    return lambda name: Path(tempfile.mkdtemp(prefix=f"{name}-", dir=base))


@pytest.fixture(scope="session")
def make_folder(new_folder: Callable[[str], Path]) -> Callable[[Files], Path]:
    """Write files into a new folder; text for *.gz is compressed, bytes stay as they are."""

    def make(files: Files) -> Path:
        path = new_folder("export")
        for name, content in files.items():
            target = path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            encoded = content.encode() if isinstance(content, str) else content
            is_compressed = isinstance(content, str) and name.endswith(".gz")
            target.write_bytes(gzip.compress(encoded, mtime=0) if is_compressed else encoded)
        return path

    return make


@pytest.fixture(scope="session")
def read(make_folder: Callable[[Files], Path]) -> Callable[..., Interactions]:
    """Write files into a new folder, and read them as an export."""

    def make(
        files: Files, columns: str | None = None, tenant: str | None = None, bad_rows: int = 0
    ) -> Interactions:
        named = Columns.parse(columns) if columns else Columns()
        options = ReadOptions(named, tenant, bad_rows)
        return read_export(export.of_folder(make_folder(files)), options)

    return make


@pytest.fixture(scope="session")
def clustered_rows() -> Callable[..., list[str]]:
    """Make `user,item,time` rows: a user of cluster c has 10 of its 30 items, and a stray one."""

    def make(users: int = 400, seed: int = 1) -> list[str]:
        draw = random.Random(seed)
        rows = []
        for user in range(users):
            cluster = [ITEMS_IN_CLUSTER * (user % CLUSTERS) + n for n in range(ITEMS_IN_CLUSTER)]
            items = {*draw.sample(cluster, 10), draw.randrange(CLUSTERS * ITEMS_IN_CLUSTER)}
            times = draw.sample(range(1_500_000_000, 1_600_000_000), len(items))
            rows += [f"u{user},i{i},{t}" for i, t in zip(sorted(items), times, strict=True)]
        return rows

    return make


@pytest.fixture(scope="session")
def clustered_files(clustered_rows: Callable[..., list[str]]) -> Callable[..., dict[str, str]]:
    """Make an export of such rows in two files, with a catalogue."""

    def make(users: int = 400, seed: int = 1) -> dict[str, str]:
        rows = clustered_rows(users, seed)
        titles = [f"i{n},Item {n}" for n in range(CLUSTERS * ITEMS_IN_CLUSTER)]
        header = "user_id,item_id,timestamp"
        return {
            "clicks-1.csv": "\n".join([header, *rows[::2]]),
            "clicks-2.csv.gz": "\n".join([header, *rows[1::2]]),
            "items.csv": "\n".join(["item_id,title", *titles]),
        }

    return make


@pytest.fixture(scope="session")
def gate_ids() -> list[str]:
    """Return some user ids that the fixed hash makes gate users."""
    ids = [f"gate-{number}" for number in range(2000)]
    return [user for user, is_gate in zip(ids, holdout.gate_users(ids), strict=True) if is_gate]


@pytest.fixture(scope="session")
def start(new_folder: Callable[[str], Path]) -> Iterator[Callable[..., Trainer]]:
    """Start a trainer on a new model folder, unless MODELFOLDER names one."""
    names = {v.name for v in settings.variables(Settings)}
    inherited = {name: value for name, value in os.environ.items() if name not in names}
    started: list[Trainer] = []

    def make(*arguments: str, **variables: object) -> Trainer:
        usual = {
            "MODELFOLDER": new_folder("models") / "20180523.5",
            "BUILDNUMBER": "20180523.5",
        }
        environ = {name: value for name, value in (usual | variables).items() if value is not None}
        output = new_folder("outputs") / "output.log"
        inherits = inherited | {name: str(value) for name, value in environ.items()}
        process = Fork(arguments, inherits, output)
        started.append(Trainer(process, Path(str(environ.get("MODELFOLDER", "nowhere")))))
        return started[-1]

    yield make
    for trainer in started:
        trainer.process.kill()
        trainer.process.wait()


@pytest.fixture(scope="session")
def clustered_export(
    make_folder: Callable[[Files], Path], clustered_files: Callable[..., dict[str, str]]
) -> Path:
    """Write the clustered export, which no test changes."""
    return make_folder(clustered_files())


@pytest.fixture(scope="session")
def quick(clustered_export: Path) -> dict[str, object]:
    """Return the settings of a training that searches nothing, for tests of all the rest."""
    return {"CSV_FOLDER": clustered_export, "PARAMETERS": "method=cooccurrence,b=0,c=0,s=1"}


@pytest.fixture(scope="session")
def trained(start: Callable[..., Trainer], clustered_export: Path) -> Trainer:
    """Train a model on it, which no test changes."""
    facts = {"GIT_COMMIT": "abc", "STARTED_BY": "tests", "TRACEPARENT": TRACEPARENT}
    trainer = start(CSV_FOLDER=clustered_export, THREADS=1, **facts)
    assert trainer.code == 0, trainer.output
    return trainer


@pytest.fixture(scope="session")
def snapshot() -> Callable[[Path], dict[str, tuple[bytes, int]]]:
    """Return bytes and time of change of every file and folder below a path."""

    def make(path: Path) -> dict[str, tuple[bytes, int]]:
        return {
            str(below): (b"" if below.is_dir() else below.read_bytes(), below.stat().st_mtime_ns)
            for below in [path, *path.rglob("*")]
        }

    return make
