"""The waiter as a process: how it ends, and what it says."""

import json
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelsystem_shared import marker, progress, publication, settings
from modelsystem_shared.marker import Marker
from modelsystem_shared.progress import Failure, Progress
from modelsystem_waiter.settings import Settings

Make = Callable[..., Any]
FOR_GOOD = Failure("clicks.csv, line 7: weight is negative", retry_helps=False, exit_code=3)
RETRYABLE = Failure("the storage does not answer", retry_helps=True, exit_code=5)


def last_line(output: str) -> dict[str, Any]:
    return json.loads(output.splitlines()[-1])


def test_a_published_model_ends_it_at_once(start: Make, publish: Make, model_folder: Path) -> None:
    """It ends 0 and says which model it found."""
    published: Marker = publish()
    waiter = start()
    assert waiter.end() == 0
    words = last_line(waiter.output)["message"]
    assert words.startswith(f"File found {model_folder}: build {published.build}, model digest ")
    assert "File not found!" not in waiter.output


def test_help_names_every_variable(start: Make) -> None:
    """`--help` shows the variables and the exit codes."""
    waiter = start(command=(sys.executable, "-m", "modelsystem_waiter", "--help"))
    assert waiter.end() == 0
    assert all(v.name in waiter.output for v in settings.variables(Settings))
    assert "exit codes" in waiter.output


def test_it_waits_for_the_model(start: Make, publish: Make, model_folder: Path) -> None:
    """It says that the file is not found, goes on waiting, and ends 0 when the model comes."""
    waiter = start()
    waiter.until(f"File not found! {model_folder}")
    assert waiter.is_waiting
    publish()
    assert waiter.end() == 0


def test_it_waits_for_the_folder(start: Make, publish: Make, model_folder: Path) -> None:
    """A model folder that does not exist yet is waited for."""
    model_folder.rmdir()
    waiter = start()
    waiter.until("File not found!")
    model_folder.mkdir()
    publish()
    assert waiter.end() == 0


def test_a_file_event_ends_the_pause(start: Make, publish: Make) -> None:
    """On a local disk the model is found long before the next poll is due."""
    waiter = start(WAIT_INTERVAL=60, WAIT_TIMEOUT=60)
    waiter.until("File not found!")
    began = time.monotonic()
    publish()
    assert waiter.end() == 0
    assert time.monotonic() - began < 8


def test_a_half_written_marker_is_not_a_marker(
    start: Make, publish: Make, model_folder: Path
) -> None:
    """It goes on waiting while the marker is short, and ends 0 when it is whole."""
    publish()
    path = model_folder / marker.NAME
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    waiter = start()
    waiter.until("File not found!")
    time.sleep(0.5)  # several polls
    assert waiter.is_waiting
    path.write_bytes(whole)
    assert waiter.end() == 0


def test_the_deadline(start: Make, new_attempt: Make, model_folder: Path) -> None:
    """At the deadline it ends 1, naming the variable, the folder and the last progress."""
    progress.append(new_attempt(), Progress("fit", 0.4, 1))
    began = time.monotonic()
    waiter = start(WAIT_TIMEOUT=0.3, WAIT_INTERVAL=60)
    assert waiter.end() == 1
    assert time.monotonic() - began < 8
    words = last_line(waiter.output)["message"]
    assert "WAIT_TIMEOUT" in words
    assert str(model_folder) in words
    assert "fit: 40 %" in words


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it(start: Make, number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C end it with 1 and a sentence, not with a traceback."""
    waiter = start(WAIT_INTERVAL=60, WAIT_TIMEOUT=60)
    waiter.until("File not found!")
    waiter.process.send_signal(number)
    assert waiter.end() == 1
    assert number.name in last_line(waiter.output)["message"]
    assert "Traceback" not in waiter.output


def test_all_faults_of_the_settings_at_once(start: Make) -> None:
    """Bad settings end it with 2 and one line that names each of them."""
    bad = {"WAIT_TIMEOUT": "soon", "WAIT_INTERVAL": 0, "VERIFY_TIMEOUT": "nan", "LOG_FORMAT": "xml"}
    waiter = start(MODELFOLDER="", STALE_TIMEOUT=-1, **bad)
    assert waiter.end() == 2
    words = last_line(waiter.output)["message"]
    assert all(name in words for name in ("MODELFOLDER", "STALE_TIMEOUT", *bad))


def test_a_model_of_another_build(start: Make, publish: Make) -> None:
    """A model of another build ends it with 2, naming both builds."""
    publish(build="20180523.5")
    waiter = start(BUILDNUMBER="20180523.6")
    assert waiter.end() == 2
    words = last_line(waiter.output)["message"]
    assert "20180523.5" in words
    assert "20180523.6" in words


def test_the_model_of_its_build(start: Make, publish: Make) -> None:
    """The build number may arrive in quotes."""
    publish(build="20180523.10")
    assert start(BUILDNUMBER='"20180523.10"').end() == 0


def test_a_failure_while_it_waits(start: Make, new_attempt: Make) -> None:
    """A training that fails for good ends it with 3 and the training's own reason."""
    attempt = new_attempt()
    waiter = start()
    waiter.until("File not found!")
    progress.fail(attempt, FOR_GOOD)
    assert waiter.end() == 3
    assert FOR_GOOD.reason in last_line(waiter.output)["message"]


def test_a_failure_of_an_earlier_training(start: Make, new_attempt: Make, publish: Make) -> None:
    """A failure from before gives a new training time to start, and to publish."""
    progress.fail(new_attempt(), FOR_GOOD)
    waiter = start()
    waiter.until("File not found!")
    time.sleep(0.5)  # several polls
    assert waiter.is_waiting
    publish()
    assert waiter.end() == 0


def test_only_failures_at_the_deadline(start: Make, new_attempt: Make) -> None:
    """At the deadline, trainings that all failed for good are a better reason than lateness."""
    progress.fail(new_attempt(), FOR_GOOD)
    waiter = start(WAIT_TIMEOUT=0)
    assert waiter.end() == 3
    assert FOR_GOOD.reason in last_line(waiter.output)["message"]


def test_a_failure_that_nobody_retries(start: Make, new_attempt: Make) -> None:
    """A retryable failure ends it with 3 once nothing has followed for STALE_TIMEOUT."""
    progress.fail(new_attempt(), RETRYABLE)
    waiter = start(STALE_TIMEOUT=1)
    assert waiter.end() == 3
    assert RETRYABLE.reason in last_line(waiter.output)["message"]


def test_a_training_that_died(start: Make, new_attempt: Make) -> None:
    """A heartbeat that stops ends it with 3, naming the phase in which it stopped."""
    progress.append(new_attempt(), Progress("fit", 0.4, 1))
    waiter = start(STALE_TIMEOUT=1)
    assert waiter.end() == 3
    assert "no heartbeat" in last_line(waiter.output)["message"]
    assert "fit: 40 %" in last_line(waiter.output)["message"]


def test_a_heartbeat_keeps_it_waiting(start: Make, new_attempt: Make, publish: Make) -> None:
    """A training whose heart beats is waited for, beyond STALE_TIMEOUT."""
    attempt = new_attempt()
    waiter = start(STALE_TIMEOUT=3)
    waiter.until("File not found!")
    for beat in range(18):
        progress.append(attempt, Progress("fit", 0.4, beat))
        time.sleep(0.2)
    assert waiter.is_waiting
    publish()
    assert waiter.end() == 0


def test_a_marker_outranks_failures(start: Make, new_attempt: Make, publish: Make) -> None:
    """A complete model is found though another attempt at it failed for good."""
    progress.fail(new_attempt(), FOR_GOOD)
    publish()
    assert start().end() == 0


def test_a_corrupt_model(start: Make, publish: Make, model_folder: Path) -> None:
    """A mismatch that lasts for VERIFY_TIMEOUT ends it with 4, naming the file."""
    attempt = model_folder / publish().attempt
    (attempt / "items.npy").write_bytes(b"something else")
    waiter = start(VERIFY_TIMEOUT=0.5)
    assert waiter.end() == 4
    assert str(attempt / "items.npy") in last_line(waiter.output)["message"]
    assert waiter.output.count("it may be a stale cache") == 1


def test_a_mismatch_that_passes(start: Make, publish: Make, model_folder: Path) -> None:
    """A file that is seen whole only after its marker delays the waiter, no more."""
    path = model_folder / publish().attempt / "items.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    waiter = start()
    waiter.until("it may be a stale cache")
    path.write_bytes(whole)
    assert waiter.end() == 0


def test_a_share_that_hiccups(start: Make, publish: Make, model_folder: Path) -> None:
    """A marker that cannot be read for a while is reported once and tried again."""
    (model_folder / marker.NAME).mkdir()  # reading a folder fails with an OSError
    waiter = start()
    waiter.until("cannot be read")
    time.sleep(0.5)  # several polls
    assert waiter.is_waiting
    (model_folder / marker.NAME).rmdir()
    publish()
    assert waiter.end() == 0
    assert waiter.output.count("cannot be read") == 1


def test_a_cache_that_cannot_be_written(start: Make, publish: Make, tmp_path: Path) -> None:
    """A MODELCACHE below a file ends it with 5, naming the cache."""
    publish()
    (tmp_path / "file").write_text("not a folder")
    waiter = start(MODELCACHE=tmp_path / "file" / "cache")
    assert waiter.end() == 5
    assert str(tmp_path / "file" / "cache") in last_line(waiter.output)["message"]


def test_a_cache_without_room(start: Make, publish: Make, tmp_path: Path) -> None:
    """A model larger than MODELCACHE can hold ends it with 5, and no marker is left there."""
    publish()
    cache = tmp_path / "cache"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))  # the waiter inherits it
    try:
        waiter = start(MODELCACHE=cache)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert waiter.end() == 5
    assert not (cache / marker.NAME).exists()


def test_a_model_that_exceeds_the_limit(start: Make, publish: Make, tmp_path: Path) -> None:
    """It is refused with 2 before it is copied; both numbers and the chart's value are named."""
    publish()
    waiter = start(MODELCACHE=tmp_path / "cache", MODELCACHE_LIMIT="8Ki")
    assert waiter.end() == 2
    message = last_line(waiter.output)["message"]
    assert message.startswith("MODELCACHE_LIMIT is 8,192 bytes, and the model takes ")
    assert "modelCache.sizeLimit" in message
    assert not (tmp_path / "cache").exists()


def test_the_progress_of_the_training(start: Make, new_attempt: Make, publish: Make) -> None:
    """It tells what the training is doing, as the training does it."""
    attempt = new_attempt()
    waiter = start()
    progress.append(attempt, Progress("read", 0.1, 1))
    waiter.until("read: 10 %")
    progress.append(attempt, Progress("fit", 0.5, 2))
    waiter.until("fit: 50 %")
    publish()
    assert waiter.end() == 0


@pytest.mark.parametrize("published", [True, False])
def test_the_termination_message(
    start: Make, publish: Make, tmp_path: Path, *, published: bool
) -> None:
    """Its last words, good or bad, are the container's termination message too."""
    message = tmp_path / "termination-log"
    message.touch()
    story = (
        "import pathlib, sys; from modelsystem_shared import program; "
        "program.TERMINATION_MESSAGE = pathlib.Path(sys.argv.pop()); "
        "from modelsystem_waiter.__main__ import main; main()"
    )
    if published:
        publish()
    waiter = start(command=(sys.executable, "-c", story, str(message)), WAIT_TIMEOUT=0)
    assert waiter.end() == (0 if published else 1)
    assert message.read_text() == last_line(waiter.output)["message"]


def test_the_marker_comes_before_its_model(
    start: Make, write_model: Make, model_folder: Path, tmp_path: Path
) -> None:
    """A copied model folder whose marker arrives first is accepted only when all has arrived."""
    attempt, manifest = write_model()
    publication.publish(model_folder, attempt, manifest, "0.1")
    away = tmp_path / "away"
    attempt.rename(away)
    waiter = start()
    waiter.until("cannot be read")
    assert waiter.is_waiting
    away.rename(attempt)
    assert waiter.end() == 0
