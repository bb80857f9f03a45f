"""How a program starts and ends: help, logs, settings, signals, exit code, last words.

The last words are one sentence. They go to the log and to the container's termination message, so
that `kubectl get pods` and `kubectl describe` show them.
"""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn, TypeVar

from modelsystem_shared import logs, settings
from modelsystem_shared.errors import ModelSystemError, StoppedError, StorageError

log = logging.getLogger(__name__)
S = TypeVar("S", bound=settings.Settings)
OnFailure = Callable[[ModelSystemError], None]
TERMINATION_MESSAGE = Path("/dev/termination-log")  # the kubelet makes it in a container


class _Stop(BaseException):
    """A signal arrived. It is no Exception, because `logging` and others catch those."""


def _ignore(_error: ModelSystemError) -> None:
    """Record nothing."""


def main(
    name: str, about: str, cls: type[S], story: Callable[[S], None], on_failure: OnFailure = _ignore
) -> NoReturn:
    """Run a workload as a program: answer --help, read the settings, run `story`, exit.

    on_failure: called with the error before the last words.
    """
    answer_help(f"modelsystem-{name}", about, cls)
    logs.configure(name)  # until the settings say how

    def configured() -> None:
        values = settings.read(cls, os.environ)
        logs.configure(name, values.log_format)
        story(values)

    sys.exit(run(configured, on_failure))


def main_of_tool(name: str, story: Callable[[], None]) -> NoReturn:
    """Run a tool that has arguments and no settings: log to standard error, run `story`, exit."""
    logs.configure_tool(name)
    sys.exit(run(story))


def answer_help(name: str, about: str, cls: type[settings.Settings]) -> None:
    """Answer `--help` with `about` and the variables; refuse any other argument."""
    parser = argparse.ArgumentParser(
        prog=name,
        description=f"{about}\n\nenvironment variables:\n{variable_table(cls)}",
        epilog="There are no other arguments: settings come from the environment.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args()


def variable_table(cls: type[settings.Settings]) -> str:
    """Return one line for each variable of `cls`: name, meaning, default."""
    return "\n".join(
        f"  {v.name:24} {v.help.replace('`', '')}{_default(v)}" for v in settings.variables(cls)
    )


def _default(v: settings.Variable) -> str:
    if v.default is settings.REQUIRED:
        return " (required)"
    is_shown = v.default is not None and str(v.default)
    return f" (default {v.default})" if is_shown else ""


def run(story: Callable[[], None], on_failure: OnFailure = _ignore) -> int:
    """Run `story` and return the exit code; on failure, log the reason as the last words.

    SIGTERM and Ctrl-C end the story like a StoppedError; no `except Exception` holds them up.
    """
    _on_signals(_stop)
    try:
        story()
    except _Stop as stop:
        return _failed(StoppedError(str(stop)), on_failure)
    except ModelSystemError as error:
        return _failed(error, on_failure)
    except OSError as error:
        return _failed(StorageError(f"storage error: {error}"), on_failure)
    except Exception as error:
        log.exception("Unexpected error")
        sentence = f"unexpected error: {type(error).__name__}: {error}"
        return _failed(ModelSystemError(sentence), on_failure)
    return 0


def _on_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)


def _stop(number: int, _frame: FrameType | None) -> None:
    raise _Stop(f"stopped by {signal.Signals(number).name}")


def _failed(error: ModelSystemError, on_failure: OnFailure) -> int:
    _on_signals(signal.SIG_IGN)  # no second signal may keep the failure from being recorded
    try:
        on_failure(error)
    except OSError as second:
        log.warning("The failure cannot be recorded: %s", second)
    last_words(str(error))
    return error.exit_code


def last_words(sentence: str, level: int = logging.ERROR) -> None:
    """Log why the process ends, and write it where the kubelet reads it."""
    log.log(level, "%s", sentence)
    if TERMINATION_MESSAGE.exists():
        try:
            TERMINATION_MESSAGE.write_text(sentence[:4000], encoding="utf-8")
        except OSError as error:
            log.warning("The termination message cannot be written: %s", error)
    sys.stdout.flush()
