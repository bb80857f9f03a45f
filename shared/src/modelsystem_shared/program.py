"""How a workload starts and ends: help, signals, exit code, last words.

The last words, one sentence, go to the log and to the container's termination message, so
that `kubectl get pods` and `kubectl describe` show them.
"""

import argparse
import logging
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from modelsystem_shared import settings
from modelsystem_shared.errors import ModelSystemError, StoppedError, StorageError

log = logging.getLogger(__name__)
TERMINATION_MESSAGE = Path("/dev/termination-log")  # the kubelet makes it where it is wanted


class _Stop(BaseException):
    """A signal came. `logging` and others hold up every Exception, so it is not one."""


def answer_help(name: str, about: str, cls: type[settings.Settings]) -> None:
    """Answer `--help` with `about` and the variables, and refuse any other argument."""
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
    return "" if v.default is None else f" (default {v.default})"


def run(story: Callable[[], None], on_failure: Callable[[ModelSystemError], None]) -> int:
    """Run `story` to its end and return the exit code; on failure, say why everywhere.

    SIGTERM and Ctrl-C end the story as a StoppedError would, which no `except Exception` in
    it can hold up.
    """
    _on_signals(_stop)
    try:
        story()
    except _Stop as stop:
        return _failed(StoppedError(str(stop)), on_failure)
    except ModelSystemError as error:
        return _failed(error, on_failure)
    except OSError as error:
        return _failed(StorageError(f"storage does not answer as it should: {error}"), on_failure)
    except Exception as error:
        log.exception("nobody foresaw this")
        return _failed(ModelSystemError(f"unforeseen {type(error).__name__}: {error}"), on_failure)
    return 0


def _on_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)


def _stop(number: int, _frame: FrameType | None) -> None:
    raise _Stop(f"stopped by {signal.Signals(number).name} before it was done")


def _failed(error: ModelSystemError, on_failure: Callable[[ModelSystemError], None]) -> int:
    _on_signals(signal.SIG_IGN)  # the end has begun: nothing may keep it from being recorded
    try:
        on_failure(error)
    except OSError as second:
        log.warning("the failure could not be recorded: %s", second)
    last_words(str(error))
    return error.exit_code


def last_words(sentence: str, level: int = logging.ERROR) -> None:
    """Log why the process ends, and leave it for the kubelet."""
    log.log(level, "%s", sentence)
    if TERMINATION_MESSAGE.exists():
        try:
            TERMINATION_MESSAGE.write_text(sentence[:4000], encoding="utf-8")
        except OSError as error:
            log.warning("no termination message: %s", error)
    sys.stdout.flush()
