"""An Indexed Job: a driver, and helpers that come, go and die as they like."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.programs import running

from modelsystem_shared import folder as folders
from modelsystem_shared import marker, progress
from modelsystem_shared.marker import Marker
from modelsystem_shared.progress import Failure, Progress
from modelsystem_trainer.engines import calls, helping, indexed, parts, started
from modelsystem_trainer.engines.calls import Call
from modelsystem_trainer.engines.helping import Helper
from modelsystem_trainer.engines.indexed import SILENT

HELPER = """
import logging, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from modelsystem_trainer.engines import helping
logging.basicConfig(level="INFO", format="%(message)s")
helping.BEAT = 0.2
helping.help_driver(Path(sys.argv[1]), int(sys.argv[2]), 1, packages=["phases"])
"""
Start = Callable[[int], "subprocess.Popen[str]"]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def attempt(tmp_path: Path) -> Path:
    """Make the folder of a driver's attempt, with a sign of life and the input of phases."""
    path = tmp_path / "model" / folders.new_attempt_name()
    path.mkdir(parents=True)
    progress.append(path, Progress("fit", 0.0, 0))
    (path / "driver").write_text(str(os.getpid()))
    parts.save(path / "input.npy", range(100))  # type: ignore[arg-type]  # numpy makes an array
    return path


@pytest.fixture
def start(attempt: Path) -> Iterator[Start]:
    """Return a function that starts a helper of an index."""
    with ExitStack() as stack:

        def make(index: int) -> "subprocess.Popen[str]":
            here = Path(__file__).parent
            command = [sys.executable, "-c", HELPER, attempt.parent, str(index), here]
            return stack.enter_context(running(command, stderr=subprocess.PIPE, text=True))

        yield make


def squares(attempt: Path) -> list[int]:
    """Return what the parts of `square` hold, in the order of their numbers."""
    paths = sorted(attempt.glob("square-*"), key=lambda path: int(path.name.split("-")[1]))
    return [int(parts.read(path)[0][0]) for path in paths]


def test_helpers_share_the_work(
    attempt: Path, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """The log of index 0 says who did what; helpers end with 0 once the build is published."""
    import phases

    caplog.set_level("INFO")
    helpers = [start(1), start(2)]
    shares: list[float] = []
    (attempt / "workers").write_text("3")
    with started("indexed", 1, attempt) as engine:
        engine.run(phases.square_together, attempt, range(40), shares.append)
        engine.run(phases.square_together, attempt, range(40, 80))
    assert squares(attempt) == [number**3 for number in range(80)]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert sorted(caplog.messages[:2]) == ["Index 1 helps", "Index 2 helps"]
    last = caplog.messages[-1]
    assert all(f"by index {index}" in last for index in range(3)), last
    assert not (attempt / calls.FOLDER).exists()
    digest = "0" * 64
    (attempt.parent / marker.NAME).write_bytes(Marker("0.5", attempt.name, "7", digest).to_bytes())
    for helper in helpers:
        _, log = helper.communicate(timeout=60)
        assert helper.returncode == 0, log
        assert "The build is published" in log


def test_what_a_dead_helper_has_claimed_is_done_again(
    attempt: Path, start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is silent for some time, then its number is free."""
    import phases

    monkeypatch.setattr(indexed, "SILENT", 1.0)
    with started("indexed", 1, attempt) as engine:
        helper = start(1)

        def kill_when_it_works(_share: float) -> None:
            if any(attempt.glob("hangs-*")):
                helper.kill()

        engine.run(phases.hang_at_first, attempt, range(20), kill_when_it_works)
    assert squares(attempt) == [number**3 for number in range(20)]
    assert "of index 1 is done again: silent for" in caplog.text


def test_a_pod_in_the_place_of_a_dead_one_frees_its_number_at_once(
    attempt: Path, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """The driver does not wait until the dead pod has been silent for a minute."""
    import phases

    with started("indexed", 1, attempt) as engine:
        helper = start(1)

        def replace_when_it_works(_share: float) -> None:
            if any(attempt.glob("hangs-*")) and helper.poll() is None:
                helper.kill()
                helper.wait()
                start(1)

        engine.run(phases.hang_at_first, attempt, range(20), replace_when_it_works)
    assert squares(attempt) == [number**3 for number in range(20)]
    assert "of index 1 is done again: another pod has its place" in caplog.text


def test_what_fails_in_a_helper_is_done_by_the_driver(
    attempt: Path, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """A pod with a broken disk does not fail the night; it takes no more of this call."""
    import phases

    with started("indexed", 1, attempt) as engine:
        start(1)
        engine.run(phases.fail_elsewhere, attempt, range(20))
    assert squares(attempt) == [number**3 for number in range(20)]
    failures = [m for m in caplog.messages if "failed at index 1, and is done here" in m]
    assert len(failures) == 1
    assert "this pod's disk is broken" in failures[0]


# A helper, its clock in our hands


@pytest.fixture
def helper(attempt: Path) -> Helper:
    """Make a helper of index 1 that takes the phases of tests."""
    return Helper(attempt.parent, 1, packages=["phases"])


def test_a_helper_waits_for_a_driver_and_at_last_gives_its_room_back(tmp_path: Path) -> None:
    """Its pod may have the node that index 0 waits for."""
    helper = Helper(tmp_path / "model", 1, ())
    assert helper.look(1000.0) == ""
    assert helper.look(1000.0 + helping.PATIENCE - 1) == ""
    assert helper.look(1000.0 + helping.PATIENCE) == "No index 0 for 900 s"


def test_a_helper_outwaits_a_driver_that_dies(attempt: Path, helper: Helper) -> None:
    """The time without a driver begins when the last one has been silent for a minute."""
    for second in range(0, 1000, 50):
        progress.append(attempt, Progress("fit", 0.0, second))
        assert helper.look(float(second)) == ""
    assert helper.look(950 + SILENT) == ""
    assert helper.look(950 + helping.PATIENCE) != ""


@pytest.mark.parametrize(("retry_helps", "reason"), [(False, "The training failed"), (True, "")])
def test_a_helper_ends_with_a_training_that_failed_for_good(
    attempt: Path, helper: Helper, reason: str, *, retry_helps: bool
) -> None:
    """If a retry can help, index 0 comes again."""
    assert helper.look(0.0) == ""
    progress.fail(attempt, Failure("line 7 is bad", retry_helps, 3))
    assert helper.look(1.0) == reason


def test_a_failure_of_an_earlier_job_ends_no_helper(attempt: Path, helper: Helper) -> None:
    """A build that is deployed again has it in its folder."""
    progress.fail(attempt, Failure("line 7 is bad", retry_helps=False, exit_code=3))
    assert helper.look(0.0) == ""
    assert helper.look(1.0) == ""


def begun(attempt: Path, serial: int = 1) -> Call:
    """Begin a call as a driver does."""
    import phases

    (attempt / calls.FOLDER).mkdir(exist_ok=True)
    call = Call(attempt / calls.FOLDER, serial, phases.square, attempt, (3, 4, 5))
    call.begin()
    return call


def test_the_newest_call_counts_until_it_is_over(attempt: Path) -> None:
    """A call that is over, or is not written yet, is none."""
    first = begun(attempt)
    control = first.control
    assert calls.latest(control, ["phases"]) == first
    second = begun(attempt, 2)
    assert calls.latest(control, ["phases"]) == second
    assert not second.is_over
    second.end()
    assert second.is_over
    assert calls.latest(control, ["phases"]) is None
    (control / "0003.call").write_bytes((control / "0002.call").read_bytes()[:-1])
    assert calls.latest(control, ["phases"]) is None


@pytest.mark.parametrize("name", ["shutil:rmtree", "phases:np", "phases_of_others:square"])
def test_a_call_of_something_else_than_a_phase_is_refused(attempt: Path, name: str) -> None:
    """A folder that others may write to cannot make a pod run any function."""
    control = begun(attempt).control
    content = (control / "0001.call").read_text().replace("phases:square", name)
    (control / "0001.call").write_text(content)
    with pytest.raises(ValueError, match="is no phase"):
        calls.latest(control, ["phases"])


def test_a_number_is_taken_once(attempt: Path) -> None:
    """From any place on; once it is released, by the next who asks."""
    call = begun(attempt)
    assert [call.take("helper-1-a", 1), call.take("helper-2-b", 1), call.take("x")] == [4, 5, 3]
    assert call.take("x") is None
    call.release(5)
    assert call.take("x") == 5


def test_claims_say_how_they_ended(attempt: Path) -> None:
    """A torn line says nothing; an end that outlives its claim still counts."""
    call = begun(attempt)
    for name in ("helper-1-a", "helper-1-a", "helper-1-a"):
        call.take(name)
    call.finish(3)
    call.fail(4, "OSError: disk\nbroken")
    (call.control / "0001" / "5").write_bytes(b"helper-1")
    ends = {claim.number: claim for claim in call.claims({3, 4, 5})}
    assert (ends[3].worker, ends[3].is_done) == ("helper-1-a", True)
    assert (ends[4].failure, ends[4].is_done) == ("OSError: disk broken", False)
    assert (ends[5].worker, ends[5].is_done, ends[5].failure) == ("", False, "")
    call.release(5)
    call.finish(5)
    assert next(iter(call.claims({5}))).is_done


def test_a_claim_without_a_name_is_released_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker died between creation and content."""
    monkeypatch.setattr(indexed, "SILENT", 10.0)
    helpers = indexed.Helpers(tmp_path)
    assert helpers.absence("1/5", 0.0) == ""
    assert helpers.absence("1/5", 10.0) == "silent for 10 s"


def test_a_newer_driver_is_preferred(attempt: Path, helper: Helper) -> None:
    """A pod that died may still count as alive; its successor's calls are the ones to serve."""
    begun(attempt)
    newer = attempt.with_name("attempt-99991231T000000-00000000")
    newer.mkdir()
    progress.append(newer, Progress("fit", 0.0, 0))
    begun(newer)
    helper.look(0.0)
    assert [*(newer / calls.FOLDER).glob("helper-*")]
    assert not [*(attempt / calls.FOLDER).glob("helper-*")]


def test_a_folder_is_removed_while_helpers_write(tmp_path: Path) -> None:
    """They append and never make it again."""
    control = tmp_path / "calls"
    control.mkdir()
    script = "import sys, pathlib\nwhile True:\n  pathlib.Path(sys.argv[1]).open('a').write('.')"
    with running([sys.executable, "-c", script, control / "helper-1-a"]) as writer:
        wait_until((control / "helper-1-a").exists)
        parts.remove(control)
        assert not control.exists()
        assert writer.wait(60)
    parts.remove(control)
