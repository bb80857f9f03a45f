"""Workers and drivers of each engine are killed at random instants, and nothing is lost.

FAULTS multiplies the counts: `make test-faults FAULTS=10` kills 100 workers and 20 drivers of each.
A round of the first is what engines do of a training: they read an export and fit.
"""

import hashlib
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from tests.faults.preloaded import THREADS, Preloaded
from tests.faults.test_kills import check_recovery, kill, spans
from tests.faults.workers import (
    Environ,
    Killer,
    OfIndexedJob,
    OfProcesses,
    OfSpark,
    Workers,
    beating,
    started_for,
)
from tests.integration.conftest import QUICK
from tests.integration.test_faults import listed, stage
from tests.programs import environment

from modelsystem_shared import folder as folders
from modelsystem_trainer import export as exports
from modelsystem_trainer import fit
from modelsystem_trainer.columns import Columns
from modelsystem_trainer.engines import Workplace, on_this_machine, started
from modelsystem_trainer.fit import Parameters, Resources, portions, ridge
from modelsystem_trainer.reading import ReadOptions, read_export

FAULTS = float(os.environ.get("FAULTS", "1"))
USERS, ITEMS, FILES = 400, 300, 6
Report = Callable[[str], None]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write an export of some files, in which items differ in popularity."""
    path = tmp_path_factory.mktemp("table")
    draw = np.random.default_rng(7)
    for number in range(FILES):
        users = draw.integers(0, USERS, 1_500)
        items = (draw.random(1_500) ** 2 * ITEMS).astype(int)
        rows = [f"user-{u},item-{i}\n" for u, i in zip(users, items, strict=True)]
        (path / f"{number}.csv").write_text(f"user_id,item_id\n{''.join(rows)}")
    return path


@pytest.fixture(autouse=True)
def many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the work of engines into many numbers, though there is little of it."""
    monkeypatch.setattr(portions, "_COST", 60_000)
    monkeypatch.setattr(ridge, "_LEAST_BLOCK", 30_000)
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")


def outcome(workplace: Workplace, table: Path) -> str:
    """Read the export and fit; return the digest of all that came of it."""
    export = exports.of_folder(table, workplace)
    data = read_export(export, ReadOptions(Columns(), None, 0), workplace=workplace)
    user, item = (data.table[name].to_numpy() for name in ("user", "item"))
    x = sparse.csr_array((np.ones(len(user), np.float32), (user, item)))
    resources = Resources(workplace.engine, workplace.folder, memory=0)
    similarity = fit.fit(x, Parameters(), 20, resources)
    arrays = (user, item, similarity.indptr, similarity.indices, similarity.data)
    digest = hashlib.sha256("".join([*data.users, *data.items]).encode())
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()


@pytest.fixture
def attempt(memory: Path) -> Path:
    """Make the folder of an attempt."""
    path = memory / "model" / folders.new_attempt_name()
    path.mkdir(parents=True)
    return path


@pytest.fixture(params=["processes", "indexed", "spark"])
def workers(
    request: pytest.FixtureRequest,
    attempt: Path,
    environ_of_training: Callable[[Path], Environ],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Workers]:
    """Return the workers of an engine; those of an Indexed Job are started here."""
    skip_without(request.param)
    if request.param == "indexed":
        with beating(attempt):
            helpers = OfIndexedJob(range(1, 4), environ_of_training(attempt.parent))
            yield helpers
            helpers.close()
    elif request.param == "spark":
        monkeypatch.setenv("MODELFOLDER", str(attempt.parent))
        yield OfSpark(attempt.parent)
    else:
        yield OfProcesses()


@pytest.mark.faults
def test_workers_killed_at_random_instants(
    workers: Workers,
    attempt: Path,
    table: Path,
    report: Report,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whichever workers are killed, every round gives the bytes that threads give."""
    caplog.set_level("INFO")
    with on_this_machine() as place:
        expected = outcome(place, table)
    killer, rounds = Killer(workers, int(10 * FAULTS), seed=1), 0
    scratch = attempt / "parts"
    scratch.mkdir()
    with started(workers.engine, 2, attempt) as of_name:
        workplace = Workplace(of_name, scratch)
        outcome(workplace, table)  # imports
        begun = time.monotonic()
        outcome(workplace, table)
        seconds = time.monotonic() - begun
        while killer.kills < killer.total:
            with killer.kill_while(seconds, workers.most_kills):
                assert outcome(workplace, table) == expected
            rounds += 1
            assert not list(scratch.glob("*fit*"))
    ours = [record.message for record in caplog.records if record.name.startswith("modelsystem")]
    report(
        f"ENGINE={workers.engine}: {killer.kills} workers killed at random instants of {rounds} "
        f"rounds: all rounds gave the bytes of threads; {ours[-1]}"
    )


@pytest.mark.faults
@pytest.mark.parametrize("engine", ["threads", "processes", "indexed", "spark"])
def test_drivers_killed_at_random_instants(
    engine: str, memory: Path, export: Path, report: Report
) -> None:
    """The model is absent or complete, no worker is left, and the next training succeeds."""
    skip_without(engine)
    total, stages = int(2 * FAULTS), Counter[str]()

    def environ_of(model_folder: Path) -> Environ:
        variables = {"CSV_FOLDER": export, "THREADS": 2, "ENGINE": engine, "TMPDIR": memory}
        given = QUICK | {"PARAMETERS": "lam=10"}
        return environment(MODELFOLDER=model_folder, **variables, **given, **THREADS)

    with ExitStack() as stack:
        preloaded = stack.enter_context(Preloaded("trainer"))
        seconds = spans(preloaded, environ_of(memory / "measured"))
        for number in range(total):
            rng = random.Random(number)
            environs = (environ_of(memory / f"{number}-{n}") for n in count())
            environ = next(e for e in environs if kill_driver(preloaded, e, rng, seconds))
            stages[stage(Path(environ["MODELFOLDER"]))] += 1
            check_recovery(preloaded, environ | {"ENGINE": "threads"})
            for path in memory.glob(f"{number}-*"):
                shutil.rmtree(path)
    report(
        f"ENGINE={engine}: {stages.total()} of {total} drivers killed at random instants: absent "
        f"or complete, next training succeeded ({listed(stages)})"
    )
    assert stages.total() == total


def kill_driver(
    preloaded: Preloaded, environ: Environ, rng: random.Random, seconds: dict[str, float]
) -> bool:
    """Kill a training and wait for the end of its workers; False if it had ended before.

    That of an Indexed Job has a helper, which is killed afterwards.
    """
    helper = OfIndexedJob(range(1, 2), environ) if environ["ENGINE"] == "indexed" else None
    try:
        is_killed = kill(preloaded, environ, rng, seconds)
    finally:
        if helper:
            helper.close()
    deadline = time.monotonic() + 60
    while pids := started_for(environ["MODELFOLDER"]):
        assert time.monotonic() < deadline, f"workers outlive their driver: {pids}"
        time.sleep(0.05)
    return is_killed


def skip_without(engine: str) -> None:
    """Skip if Spark is not installed: `make spark-env`."""
    if engine == "spark":
        pytest.importorskip("pyspark", reason="make spark-env installs it")
