"""What the waiter logs, and how often; times are made up."""

from pathlib import Path

import pytest

from modelsystem_shared.progress import Failure, Progress
from modelsystem_waiter.progress_log import ProgressLog
from modelsystem_waiter.verdict import Attempt, Observation, State

FOLDER = Path("/models/7")


@pytest.fixture
def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Collect the messages as they are logged."""
    caplog.set_level("INFO")
    lines: list[str] = []
    caplog.handler.addFilter(lambda record: lines.append(record.getMessage()) or True)
    return lines


def record(log: ProgressLog, observation: Observation, now: float = 1.0) -> None:
    log.record(State(started=0.0).after(observation, now), now)


def training(phase: str, done: float, beat: int = 0) -> Observation:
    return Observation(attempts={"attempt-1": Attempt(Progress(phase, done, beat))})


def test_it_logs_that_it_waits(messages: list[str]) -> None:
    """At once, and then every 10 s, not at each check."""
    log = ProgressLog(FOLDER)
    for now in (100.0, 102.0, 109.9, 110.0, 111.0, 125.0):
        log.waiting(now)
    assert messages == ["File not found! /models/7"] * 3
    assert log.seconds_to_next(128.0) == 7.0
    assert log.seconds_to_next(140.0) == 0.0


def test_progress_is_logged_when_it_moved(messages: list[str]) -> None:
    """A new phase, a tenth more, and the end of a phase are logged; a heartbeat alone is not."""
    log = ProgressLog(FOLDER)
    record(log, training("read", 0.0))
    messages.clear()
    for beat, (phase, done) in enumerate(
        [("read", 0.01), ("read", 0.12), ("read", 0.13), ("fit", 0.13), ("fit", 0.95), ("fit", 1.0)]
    ):
        record(log, training(phase, done, beat))
    assert [message.partition(": ")[2] for message in messages] == [
        "read: 12 %",
        "fit: 13 %",
        "fit: 95 %",
        "fit: 100 %",
    ]


def test_each_warning_is_logged_once(messages: list[str]) -> None:
    """Trouble, a mismatch and a failure are logged once for each distinct sentence."""
    log = ProgressLog(FOLDER)
    failed = {"attempt-1": Attempt(failure=Failure("no storage", retry_helps=True, exit_code=5))}
    observation = Observation(attempts=failed, mismatch="items.npy is wrong", trouble="no answer")
    record(log, observation)
    count = len(messages)
    assert count == 4
    record(log, observation)
    assert len(messages) == count
    record(log, Observation(attempts=failed, mismatch="users.npy is wrong"))
    assert len(messages) == count + 1
