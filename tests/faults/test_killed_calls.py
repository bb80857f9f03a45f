"""Killed as it enters a call on its folder, a training leaves a whole model or none.

In a fresh folder, and in one that has the short marker of a trainer that died: there the training
removes it, too.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.faults.failing import Call, Tracer, below, published
from tests.faults.preloaded import Preloaded
from tests.faults.test_kills import check_recovery
from tests.integration.test_faults import leave_short_marker, listed, stage

from modelsystem_shared import marker

EnvironOf = Callable[[Path], dict[str, str]]
OTHERS = 6  # calls in `make test` that are not on the marker


@dataclass
class Killing:
    """Trainings in folders of their own, which are alike; strace kills them."""

    root: Path
    prepare: Callable[[Path], None]
    tracer: Tracer
    environ_of: EnvironOf

    def __post_init__(self) -> None:
        """Train once, for the names of all files."""
        self.known = published(self.root / "known", self.tracer.preloaded, self.environ_of)

    def calls(self) -> list[Call]:
        """List the calls of a training."""
        model_folder = self._prepared("traced")
        return self.tracer.calls(self.environ_of(model_folder), below(model_folder, self.known))

    def kill(self, calls: Iterable[Call]) -> Counter[str]:
        """Kill a training at each call, check what it leaves, and count the stages reached."""
        return Counter(self._kill(number, call) for number, call in enumerate(calls))

    def _kill(self, number: int, call: Call) -> str:
        model_folder = self._prepared(str(number))
        environ = self.environ_of(model_folder)
        assert self.tracer.kill(environ, below(model_folder, self.known), call), call
        reached = stage(model_folder)
        check_recovery(self.tracer.preloaded, environ)
        shutil.rmtree(model_folder)
        return reached

    def _prepared(self, name: str) -> Path:
        model_folder = self.root / name
        self.prepare(model_folder)
        return model_folder


@pytest.fixture
def tracer(strace: str, preloaded: Preloaded, tmp_path: Path) -> Tracer:
    """Return a tracer of trainings."""
    return Tracer(strace, preloaded, "trainer", tmp_path / "strace.log")


@pytest.fixture(params=[lambda _: None, leave_short_marker], ids=["fresh", "over a dead marker"])
def killing(
    request: pytest.FixtureRequest, memory: Path, tracer: Tracer, environ_of_training: EnvironOf
) -> Killing:
    """Return what kills trainings in one situation."""
    return Killing(memory, request.param, tracer, environ_of_training)


def test_killed_at_some_calls(killing: Killing) -> None:
    """At each call on the marker, and at some others."""
    calls = killing.calls()
    step = len(calls) // OTHERS
    sample = [c for i, c in enumerate(calls) if marker.NAME in c.path.name or i % step == 0]
    assert {call.name for call in sample} >= {"openat", "write", "fsync", "close", "read"}
    stages = killing.kill(sample)
    assert stages["marker short"]
    assert stages["complete"]


@pytest.mark.faults
def test_killed_at_every_call(killing: Killing, report: Callable[[str], None]) -> None:
    """At every call."""
    calls = killing.calls()
    stages = killing.kill(calls)
    report(
        f"{stages.total()} of {len(calls)} kills at calls on the model folder: absent or complete, "
        f"next training succeeded ({listed(stages)})"
    )
    assert stages.total() == len(calls)
