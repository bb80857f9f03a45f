"""Any call on the storage may fail once: the program says which file, and the next run succeeds.

strace lets the n-th call of its name fail, for each n that an undisturbed run has; the programs
are the real ones.
"""

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest
from tests.faults.failing import ERRORS, Call, Failed, Tracer, below, is_named, published
from tests.faults.preloaded import THREADS, Preloaded
from tests.integration.conftest import BUILD
from tests.programs import environment, free_port

from modelsystem_shared import folder, progress, settings
from modelsystem_shared.errors import IncompleteModelError
from modelsystem_waiter.observation import observe
from modelsystem_waiter.settings import Settings

Environ = dict[str, str]
EnvironOf = Callable[[Path], Environ]
SAMPLE = 6  # failed calls of each program in `make test`


class Setting(NamedTuple):
    """The settings of one run, and the paths on which calls may fail."""

    environ: Environ
    paths: list[Path]


class Story(Protocol):
    """One program in one situation."""

    program: str
    codes: tuple[int, ...]  # documented, for a storage that fails

    def prepare(self) -> Setting:
        """Return what a run needs; all runs are independent."""

    def check(self, setting: Setting, failed: Failed) -> None:
        """Check that nothing is half published, and that the next run succeeds."""


class Training:
    """A training in a fresh folder, or a training of a model that is complete already."""

    program = "trainer"
    codes: tuple[int, ...] = (5, 3)  # 3: the export may not be read

    def __init__(self, root: Path, preloaded: Preloaded, environ_of: EnvironOf) -> None:
        """Train once, for the names of all files."""
        self.root, self.preloaded, self.environ_of, self.runs = root, preloaded, environ_of, 0
        self.known = published(root / "known", preloaded, environ_of)

    def prepare(self) -> Setting:
        """Take a fresh folder."""
        self.runs += 1
        model_folder = self.root / str(self.runs)
        environ = self.environ_of(model_folder)
        export = Path(environ["CSV_FOLDER"])
        paths = [self.root, *below(model_folder, self.known), export, *export.iterdir()]
        return Setting(environ, paths)

    def check(self, setting: Setting, failed: Failed) -> None:
        """Find the model whole or absent; only what the export forbids is final."""
        model_folder = Path(setting.environ["MODELFOLDER"])
        final = failed.ended.code == 3
        assert not final or (
            failed.error == "EACCES" and model_folder not in failed.call.path.parents
        )
        observation = observe(reading(MODELFOLDER=model_folder))
        assert observation.mismatch is None
        assert failed.ended.code or observation.model
        ended = self.preloaded.run("trainer", setting.environ)
        assert ended.code == 0, ended.output
        assert observe(reading(MODELFOLDER=model_folder)).model
        shutil.rmtree(model_folder)


class Acceptance(Training):
    """A training that finds the model of its build."""

    def prepare(self) -> Setting:
        """Take the folder that is complete."""
        return Setting(self.environ_of(self.known), below(self.known, self.known))

    def check(self, setting: Setting, failed: Failed) -> None:
        """Find the model as it was."""
        assert failed.ended.code in (0, 5)
        assert self.preloaded.run("trainer", setting.environ).code == 0


class Waiting:
    """A waiter that copies a model; only its own cache ends it, all else it tries again."""

    program = "waiter"
    codes: tuple[int, ...] = (5,)

    def __init__(self, root: Path, preloaded: Preloaded, environ_of: EnvironOf) -> None:
        """Publish a model."""
        self.root, self.preloaded, self.runs = root, preloaded, 0
        self.known = published(root / "known", preloaded, environ_of)

    def prepare(self) -> Setting:
        """Take a fresh cache."""
        self.runs += 1
        cache = self.root / f"cache-{self.runs}"
        variables = {"MODELFOLDER": self.known, "MODELCACHE": cache, "BUILDNUMBER": BUILD}
        environ = environment(**variables, WAIT_INTERVAL=0.1, WAIT_TIMEOUT=20, LOG_FORMAT="json")
        return Setting(environ, [*below(self.known, self.known), *below(cache, self.known)])

    def check(self, setting: Setting, failed: Failed) -> None:
        """Find the model in the cache, or nothing that a scorer would load."""
        cache = Path(setting.environ["MODELCACHE"])
        assert failed.ended.code == 0 or failed.call.path.is_relative_to(cache)
        with suppress(IncompleteModelError):
            folder.verify(folder.published(cache))
        ended = self.preloaded.run("waiter", setting.environ)
        assert ended.code == 0, ended.output
        folder.verify(folder.published(cache))
        shutil.rmtree(cache)


class Serving(Waiting):
    """A scorer that starts; it has no second try, the kubelet has."""

    program = "scorer"

    def prepare(self) -> Setting:
        """Take a free port."""
        variables = {"MODELFOLDER": self.known, "BUILDNUMBER": BUILD, "HOST": "127.0.0.1"}
        environ = environment(**variables, PORT=free_port(), LOG_FORMAT="json", **THREADS)
        return Setting(environ, below(self.known, self.known))

    def check(self, setting: Setting, failed: Failed) -> None:
        """Find the model as it was."""
        folder.verify(folder.published(self.known, BUILD))


def reading(**variables: object) -> Settings:
    """Return the settings of a waiter."""
    return settings.read(Settings, environment(BUILDNUMBER=BUILD, **variables))


def check(story: Story, setting: Setting, failed: Failed) -> str:
    """Check how a program ended whose call failed, and return that in a word."""
    code = failed.ended.code
    assert code in (0, *story.codes), failed
    assert code == 0 or is_named(failed), failed
    story.check(setting, failed)
    return f"ended {code}"


def fail_each(
    story: Story, tracer: Tracer, choose: Callable[[list[Call]], Iterable[tuple[Call, str]]]
) -> Counter[str]:
    """Let calls fail, one in each run, and count the ends."""
    ends: Counter[str] = Counter()
    for call, error in choose(tracer.calls(*story.prepare())):
        setting = story.prepare()
        failed = tracer.fail(*setting, call, error)
        assert failed or call.path.name == progress.PROGRESS, f"{call} was not reached"
        ends[check(story, setting, failed) if failed else "did without a note of progress"] += 1
    return ends


@pytest.fixture(params=[Training, Acceptance, Waiting, Serving])
def story(
    request: pytest.FixtureRequest,
    memory: Path,
    preloaded: Preloaded,
    environ_of_training: EnvironOf,
) -> Story:
    """Return one program in one situation."""
    made: Story = request.param(memory, preloaded, environ_of_training)
    return made


@pytest.fixture
def tracer(story: Story, strace: str, preloaded: Preloaded, tmp_path: Path) -> Tracer:
    """Return a tracer of that program."""
    return Tracer(strace, preloaded, story.program, tmp_path / "strace.log")


def some(calls: list[Call]) -> Iterator[tuple[Call, str]]:
    """Choose some calls of all kinds, each with one error."""
    rng = random.Random(17)
    names = sorted({call.name for call in calls})
    for name, error in zip(rng.sample(names * 3, SAMPLE), cycle(ERRORS), strict=False):
        yield rng.choice([call for call in calls if call.name == name]), error


def each(calls: list[Call]) -> Iterator[tuple[Call, str]]:
    """Choose all calls: with FAULTS=10 each with every error, otherwise with one error in turn."""
    if int(os.environ.get("FAULTS", "1")) >= 10:
        yield from ((call, error) for call in calls for error in ERRORS)
    else:
        yield from zip(calls, cycle(ERRORS), strict=False)


def test_some_calls_fail(story: Story, tracer: Tracer) -> None:
    """A seeded sample: a documented exit code, the file's name, and a next run that succeeds."""
    assert fail_each(story, tracer, some).total() == SAMPLE


@pytest.mark.faults
def test_every_call_fails_once(story: Story, tracer: Tracer, report: Callable[[str], None]) -> None:
    """The same for every call."""
    ends = fail_each(story, tracer, each)
    listed = ", ".join(f"{count} {end}" for end, count in sorted(ends.items()))
    name = type(story).__name__.lower()
    report(f"{ends.total()} failed calls of {name} ({story.program}): all right ({listed})")
