"""What the waiter says, and how often; times are made up."""

from pathlib import Path

import pytest

from modelsystem_shared.progress import Failure, Progress
from modelsystem_waiter.report import Report
from modelsystem_waiter.verdict import Attempt, Sight, State

FOLDER = Path("/models/7")


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Collect the messages as they are logged."""
    caplog.set_level("INFO")
    messages: list[str] = []
    caplog.handler.addFilter(lambda record: messages.append(record.getMessage()) or True)
    return messages


def tell(report: Report, sight: Sight, now: float = 1.0) -> None:
    report.tell(State(started=0.0).after(sight, now), now)


def training(phase: str, done: float, beat: int = 0) -> Sight:
    return Sight(attempts={"attempt-1": Attempt(Progress(phase, done, beat))})


def test_it_says_that_it_waits(said: list[str]) -> None:
    """At once, and then every 10 s: not at each look."""
    report = Report(FOLDER)
    for now in (100.0, 102.0, 109.9, 110.0, 111.0, 125.0):
        report.waiting(now)
    assert said == ["File not found! /models/7"] * 3
    assert report.silence_left(128.0) == 7.0
    assert report.silence_left(140.0) == 0.0


def test_progress_is_told_when_it_moved(said: list[str]) -> None:
    """A new phase, a tenth more, and the end of a phase are told; a mere heartbeat is not."""
    report = Report(FOLDER)
    tell(report, training("read", 0.0))
    said.clear()
    for beat, (phase, done) in enumerate(
        [("read", 0.01), ("read", 0.12), ("read", 0.13), ("fit", 0.13), ("fit", 0.95), ("fit", 1.0)]
    ):
        tell(report, training(phase, done, beat))
    assert [words.split(": ")[1] for words in said] == [
        "read, 12% done",
        "fit, 13% done",
        "fit, 95% done",
        "fit, 100% done",
    ]


def test_each_warning_is_given_once(said: list[str]) -> None:
    """Trouble, a mismatch and a failure are each told once for each distinct sentence."""
    report = Report(FOLDER)
    failed = {"attempt-1": Attempt(failure=Failure("no storage", retry_helps=True, exit_code=5))}
    sight = Sight(attempts=failed, mismatch="items.npy is wrong", trouble="no answer")
    tell(report, sight)
    told = len(said)
    assert told == 4
    tell(report, sight)
    assert len(said) == told
    tell(report, Sight(attempts=failed, mismatch="users.npy is wrong"))
    assert len(said) == told + 1
