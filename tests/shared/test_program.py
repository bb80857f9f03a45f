"""A program ends with the right code and with last words."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.programs import running

from modelsystem_shared import errors, program
from modelsystem_shared.errors import ModelSystemError, SettingsError
from modelsystem_shared.settings import Settings

PROGRAM = """
import logging, os, sys, time
from dataclasses import dataclass
from pathlib import Path
from modelsystem_shared import logs, parsers, program, settings

@dataclass(frozen=True)
class Workload(settings.Settings):
    key: parsers.Secret | None = settings.variable("KEY", parsers.Secret, "a key", None)

def story():
    read = settings.read(Workload, os.environ)
    logging.info("settings: %s", read)
    while os.environ.get("BUSY"):
        logging.info("busy")
    time.sleep(60)

program.TERMINATION_MESSAGE = Path(sys.argv[1])
logs.configure("program", "text")

def record(error):
    print("recorded:", error, flush=True)
    time.sleep(float(os.environ.get("SLOW", "0")))

sys.exit(program.run(story, record))
"""


@pytest.fixture
def last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the file that the kubelet makes for a container's last words."""
    path = tmp_path / "termination-log"
    path.touch()
    monkeypatch.setattr(program, "TERMINATION_MESSAGE", path)
    return path


@pytest.fixture
def ended_by(own_signals: None, last_words: Path) -> Callable[[Exception], int]:
    """Return the exit code of a story that is ended by an error."""

    def run(error: Exception) -> int:
        def story() -> None:
            raise error

        return program.run(story, lambda error: None)

    return run


@pytest.mark.usefixtures("own_signals")
def test_a_story_told_to_its_end_is_0() -> None:
    """Success records no failure."""
    failures: list[ModelSystemError] = []
    assert program.run(lambda: None, failures.append) == 0
    assert failures == []


@pytest.mark.parametrize(
    ("error", "code", "retry_helps"),
    [
        (errors.SettingsError(["PORT is not set"]), 2, False),
        (errors.UsageError("--steps 5,5: the shares must rise"), 2, False),
        (errors.ServiceError("kubectl is not on PATH"), 5, True),
        (errors.MismatchError("another model answers"), 4, False),
        (errors.DataError("no rows"), 3, False),
        (errors.AccessDeniedError("wrong key"), 3, False),
        (errors.TrainingFailedError("the data was bad"), 3, False),
        (errors.CorruptModelError("a.npy is missing"), 4, True),
        (errors.StorageError("no route to host"), 5, True),
        (errors.StoppedError("stopped"), 1, True),
        (errors.DeadlineError("too late"), 1, True),
        (errors.IncompleteModelError("nothing here"), 1, True),
    ],
)
def test_each_error_has_its_exit_code(
    ended_by: Callable[[Exception], int],
    last_words: Path,
    error: ModelSystemError,
    code: int,
    retry_helps: bool,
) -> None:
    """The code says what kind of failure, the last words say which."""
    assert ended_by(error) == code
    assert last_words.read_text(encoding="utf-8") == str(error)
    assert error.retry_helps is retry_helps


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (PermissionError(13, "Permission denied", "/models/13"), 5, "Permission denied"),
        (KeyError("user_id"), 1, "unexpected error: KeyError: 'user_id'"),
    ],
)
def test_other_errors_end_in_a_sentence_too(
    ended_by: Callable[[Exception], int], last_words: Path, error: Exception, code: int, words: str
) -> None:
    """The operating system's refusals are storage trouble; what is unexpected is 1."""
    assert ended_by(error) == code
    assert words in last_words.read_text(encoding="utf-8")


def test_all_problems_of_the_settings_are_last_words(
    ended_by: Callable[[Exception], int], last_words: Path
) -> None:
    """Every fault reaches `kubectl describe`."""
    ended_by(SettingsError(["PORT is not set", "WORKERS is not a number"]))
    assert last_words.read_text(encoding="utf-8") == "PORT is not set; WORKERS is not a number"


def test_a_name_that_is_no_utf8_does_not_change_the_exit_code(
    ended_by: Callable[[Exception], int], last_words: Path
) -> None:
    """A file may be named by any bytes; Python shows such a one as a lone surrogate."""
    assert ended_by(errors.DataError("caf\udce9.csv, line 3: no such item")) == 3
    assert last_words.read_text(encoding="utf-8") == r"caf\udce9.csv, line 3: no such item"


@pytest.mark.usefixtures("own_signals")
def test_a_failure_that_cannot_be_recorded_still_ends_with_its_code(last_words: Path) -> None:
    """When the volume is gone the reason goes to the log and to the kubelet."""

    def story() -> None:
        raise errors.DataError("no rows")

    def refuse(_: ModelSystemError) -> None:
        raise OSError(30, "Read-only file system")

    assert program.run(story, refuse) == 3
    assert last_words.read_text(encoding="utf-8") == "no rows"


@pytest.mark.usefixtures("own_signals")
def test_without_the_kubelets_file_none_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a laptop no file appears."""
    monkeypatch.setattr(program, "TERMINATION_MESSAGE", tmp_path / "none")
    program.last_words("the end")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a real program with these environment variables."""
    (tmp_path / "termination-log").touch()
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "termination-log")]
    with ExitStack() as stack:

        def start(**environ: str) -> subprocess.Popen[str]:
            return stack.enter_context(
                running(
                    command,
                    env=environ,
                    text=True,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                )
            )

        yield start


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_program_with_1(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path, number: signal.Signals
) -> None:
    """A pod that is deleted records why it ended, without a traceback."""
    process = start(MODELFOLDER="/models/13")
    assert process.stdout
    process.stdout.readline()
    process.send_signal(number)
    said, _ = process.communicate(timeout=10)
    words = f"stopped by {number.name}"
    assert process.returncode == 1
    assert f"recorded: {words}" in said
    assert "Traceback" not in said
    assert (tmp_path / "termination-log").read_text(encoding="utf-8") == words


def test_a_signal_in_the_middle_of_logging_is_not_lost(
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    """`logging` catches every Exception while it writes a line: a stop must be more than that."""
    for _ in range(3):
        process = start(MODELFOLDER="/models/13", BUSY="1")
        assert process.stdout
        for _ in range(1000):
            process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=10)
        assert process.returncode == 1
        assert "Traceback" not in said


def test_an_impatient_second_signal_disturbs_nothing(
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    """After a second Ctrl-C the failure is still recorded, and the exit code is right."""
    process = start(MODELFOLDER="/models/13", SLOW="0.5")
    assert process.stdout
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline().startswith("recorded: ")
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "stopped by SIGINT" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("environ", "said"),
    [({"MODELFOLDER": "/models/13"}, "Secret('***')"), ({}, "MODELFOLDER is not set")],
)
def test_no_secret_is_printed(
    start: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
    environ: dict[str, str],
    said: str,
) -> None:
    """Neither a log of the settings nor the end of a program shows a key."""
    process = start(KEY="hunter2", **environ)
    assert process.stdout
    first = process.stdout.readline()
    process.terminate()
    rest, _ = process.communicate(timeout=10)
    assert said in first
    assert "hunter2" not in first + rest
    assert "hunter2" not in (tmp_path / "termination-log").read_text(encoding="utf-8")


def test_help_names_every_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--help` is the manual."""
    monkeypatch.setattr(sys, "argv", ["modelsystem-waiter", "--help"])
    with pytest.raises(SystemExit, match="0"):
        program.answer_help("modelsystem-waiter", "Wait for a model.", Settings)
    said = capsys.readouterr().out
    assert "Wait for a model." in said
    assert "MODELFOLDER" in said
    assert "(required)" in said
    assert "(default auto)" in said


@pytest.mark.usefixtures("capsys")
def test_an_argument_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that is passed as an argument is refused, not ignored."""
    monkeypatch.setattr(sys, "argv", ["modelsystem-waiter", "--port=3000"])
    with pytest.raises(SystemExit, match="2"):
        program.answer_help("modelsystem-waiter", "Wait for a model.", Settings)
