"""Whatever a crash leaves of a publication, the model is absent or whole, and the next succeeds.

The operations of real programs are recorded by strace; `filesystems` makes every folder that a
crash can leave of them; `judges` lets the programs judge each.
"""

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.faults.filesystems import MODELS, Model, smb_stale, states
from tests.faults.judges import CopyJudge, Folder, Judge, TrainingJudge
from tests.faults.operations import Recording, Tree, record, tree
from tests.faults.preloaded import Preloaded
from tests.integration.conftest import BUILD

from modelsystem_shared import marker, progress, publication

Environ = dict[str, str]
Training = Callable[..., TrainingJudge]
EARLY = 4  # moments before the publication
SAMPLE = 60  # states of each model in `make test`
REAL = 100  # one state of so many is also given to a real program


@pytest.fixture(autouse=True)
def short_markers_are_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no publication wait until a short marker counts as dead."""
    monkeypatch.setattr(publication, "DEAD_AFTER", -1)


@pytest.fixture
def training(
    memory: Path,
    strace: str,
    preloaded: Preloaded,
    environ_of_training: Callable[[Path], Environ],
) -> Training:
    """Return a function that records a training, and makes the judge of its crashes.

    before: makes the folders that the training finds. options: more options of strace. changes:
    settings of the recorded training only.
    """

    def make(
        before: Callable[[Path], None] = lambda _: None,
        options: tuple[str, ...] = (),
        **changes: object,
    ) -> TrainingJudge:
        root = memory / "recorded"
        root.mkdir()
        before(root / BUILD)
        environ = environ_of_training(root / BUILD)
        changed = environ | {name: str(value) for name, value in changes.items()}
        recording = record(preloaded, strace, root, "trainer", changed, options)
        return TrainingJudge(recording, Folder(memory / "crashed"), tree(root), environ, preloaded)

    return make


@pytest.fixture
def copying(
    memory: Path,
    strace: str,
    preloaded: Preloaded,
    environ_of_training: Callable[[Path], Environ],
) -> Callable[[], CopyJudge]:
    """Return a function that records a waiter which copies a model over another one."""

    def make() -> CopyJudge:
        source, root = memory / "models" / BUILD, memory / "recorded"
        fork = preloaded.prepare("trainer", environ_of_training(source), fixed=True)
        fork.go()
        assert fork.end().code == 0
        leftovers(root / BUILD)
        environ = {"MODELFOLDER": str(source), "BUILDNUMBER": BUILD, "WAIT_TIMEOUT": "0"}
        caching = environ | {"MODELCACHE": str(root / BUILD)}
        recording = record(preloaded, strace, root, "waiter", caching)
        assert recording.ended.code == 0, recording.ended.output
        return CopyJudge(recording, Folder(memory / "crashed"), tree(root), environ, preloaded)

    return make


def leftovers(model_folder: Path) -> None:
    """Leave what trainings leave that died: a short marker, a half attempt, and a failed one."""
    for name in ("attempt-dead", "attempt-failed"):
        (model_folder / name).mkdir(parents=True)
    (model_folder / marker.NAME).write_bytes(b"0.25\nattempt: attempt-dead\n")
    (model_folder / "attempt-dead" / "similarity.npy").write_bytes(bytes(5000))
    failure = progress.Failure("no storage", retry_helps=True, exit_code=5)
    progress.fail(model_folder / "attempt-failed", failure)


def sampled(
    recording: Recording, model: Model, rng: random.Random, early: int = EARLY
) -> Iterator[tuple[int, Tree]]:
    """Return some of the states since the marker was created, and some from before."""
    marked = len(recording.operations) - 3  # its creation, its bytes, and two syncs
    yield from itertools.islice(states(recording, model, [marked + 3]), SAMPLE)
    for prefixes in (range(marked, marked + 3), rng.sample(range(marked), early)):
        all_states = list(states(recording, model, prefixes))
        yield from rng.sample(all_states, min(SAMPLE, len(all_states)))


def one_real(number: int) -> bool:
    """Choose one state of each model for the real program."""
    return number == 7


@pytest.mark.parametrize("before", [lambda _: None, leftovers], ids=["fresh", "over leftovers"])
def test_some_crashes_of_a_training(training: Training, before: Callable[[Path], None]) -> None:
    """A seeded sample under each model: absent or whole, and the next training succeeds."""
    judge, rng = training(before), random.Random(17)
    assert judge.recording.ended.code == 0
    for model in MODELS.values():
        verdicts = judge.crashes(sampled(judge.recording, model, rng), one_real)
        assert {"absent", "complete"} == verdicts.keys()


def test_some_stale_views(training: Training) -> None:
    """A seeded sample of what other nodes see through stale caches: never a wrong model."""
    judge = training()
    verdicts = judge.views(sampled(judge.recording, smb_stale, random.Random(17), early=1))
    assert {"absent", "mismatch"} <= verdicts.keys()


def test_some_crashes_of_a_copy(copying: Callable[[], CopyJudge]) -> None:
    """The same for the waiter's copy in MODELCACHE, which begins by removing another model."""
    judge, rng = copying(), random.Random(17)
    for model in MODELS.values():
        verdicts = judge.crashes(sampled(judge.recording, model, rng), one_real)
        assert {"absent", "complete"} == verdicts.keys()


# All states

STOPPED = ("-e", "inject=write:error=ENOSPC:when=40")  # within the model's files


@pytest.mark.faults
@pytest.mark.parametrize(
    ("name", "before", "options"),
    [
        ("a training", lambda _: None, ()),
        ("a training over leftovers", leftovers, ()),
        ("a training that the volume stops", leftovers, STOPPED),
    ],
)
def test_every_crash_of_a_training(
    training: Training,
    report: Callable[[str], None],
    name: str,
    before: Callable[[Path], None],
    options: tuple[str, ...],
) -> None:
    """Every state under each model."""
    judge = training(before, options)
    ended = judge.recording.ended
    assert ended.code == (5 if options else 0), ended.output
    every_crash(judge, name, report)


@pytest.mark.faults
def test_every_stale_view(training: Training, report: Callable[[str], None]) -> None:
    """Whatever other nodes see of a training through stale caches is never a wrong model."""
    judge = training()
    verdicts = judge.views(states(judge.recording, smb_stale))
    report(f"a training, SMB seen through stale caches: {listed(verdicts)}; none of them wrong")


@pytest.mark.faults
def test_every_crash_of_a_failing_training(
    training: Training, report: Callable[[str], None], tmp_path: Path
) -> None:
    """The same of a training that refuses its data."""
    (tmp_path / "interactions.csv").write_text("user_id,item_id\na\n")
    judge = training(CSV_FOLDER=tmp_path)
    assert judge.recording.ended.code == 3, judge.recording.ended.output
    every_crash(judge, "a training that refuses its data", report)


@pytest.mark.faults
def test_every_crash_of_a_copy(
    copying: Callable[[], CopyJudge], report: Callable[[str], None]
) -> None:
    """The same of the waiter's copy in MODELCACHE."""
    every_crash(copying(), "the waiter's copy", report)


def every_crash(judge: Judge, name: str, report: Callable[[str], None]) -> None:
    """Judge every state under each model, and print the counts."""
    for model_name, model in MODELS.items():
        verdicts = judge.crashes(states(judge.recording, model), lambda number: number % REAL == 0)
        report(f"{name}, {model_name}: {listed(verdicts)}; all right, the next program succeeded")


def listed(verdicts: Counter[str]) -> str:
    """Return counts as text."""
    by_verdict = ", ".join(f"{count:,} {verdict}" for verdict, count in sorted(verdicts.items()))
    return f"{verdicts.total():,} states ({by_verdict})"
