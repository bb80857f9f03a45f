"""Logging: one JSON object a line for machines, readable text for people."""

import contextlib
import io
import json
import logging
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TextIO, cast

_N_PLAIN = len(vars(logging.makeLogRecord({})))  # attributes that every record has, before `extra`
Line = tuple[float, str, Mapping[str, object]]  # seconds since 1970; as `constant` returns it
_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


class JsonFormatter(logging.Formatter):
    """A record as one JSON object; the keys of `extra` become keys of the object."""

    def __init__(self, program: str) -> None:
        """Format the records of `program`."""
        super().__init__()
        self.program = program

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without a line break."""
        line = self.line(record.created, record.levelname.lower(), record.getMessage())
        line.update(islice(vars(record).items(), _N_PLAIN, None))
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return _encode(line)

    def line(self, created: float, level: str, message: str) -> dict[str, object]:
        """Return what every line has; `created` is in seconds since 1970."""
        return {"time": _iso(created), "level": level, "program": self.program, "message": message}


class JsonHandler(logging.StreamHandler[TextIO]):
    """Writes a line for each record, and lines that are mostly constant in a tenth of the time."""

    def __init__(self, program: str) -> None:
        """Write to standard output."""
        super().__init__(sys.stdout)
        self._json = JsonFormatter(program)
        self.setFormatter(self._json)
        self._second, self._until_second = 0, ""

    def constant(self, message: str, facts: Mapping[str, object]) -> str:
        """Return the part of a line at level INFO that is always the same: all but the time."""
        return _encode({**self._json.line(0, "info", message), **facts}).partition(", ")[2][:-1]

    def write(self, lines: Iterable[Line]) -> None:
        """Write lines at once, each of its time, its constant part and its other facts."""
        written = "".join(
            [
                f'{{"time": "{self._time(created)}", {constant}, {_encode(facts)[1:]}\n'
                for created, constant, facts in lines
            ]
        )
        with self.lock or contextlib.nullcontext():
            self.stream.write(written)
            self.stream.flush()

    def _time(self, created: float) -> str:
        second = int(created)
        if second != self._second:
            self._second, self._until_second = second, _iso(second)[:-10]
        return f"{self._until_second}.{int((created - second) * 1000):03}+00:00"


def json_handler() -> JsonHandler | None:
    """Return the only handler if it writes JSON."""
    handlers = logging.root.handlers
    is_json = len(handlers) == 1 and isinstance(handlers[0], JsonHandler)
    return cast("JsonHandler", handlers[0]) if is_json else None


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def text_formatter(program: str) -> logging.Formatter:
    """Return a formatter for a terminal: time in UTC, program, sentence."""
    mark = logging.Formatter(f"%(asctime)s {program:8} %(message)s", datefmt="%H:%M:%S")
    mark.converter = time.gmtime
    return mark


def configure(program: str, log_format: str = "auto") -> None:
    """Send every log record of this process to standard output.

    log_format: `json`, `text`, or `auto`: text if standard output is a terminal.
    """
    as_text = log_format == "text" or (log_format == "auto" and sys.stdout.isatty())
    if isinstance(sys.stdout, io.TextIOWrapper):  # tests put other things there
        sys.stdout.reconfigure(errors="backslashreplace")  # a file name can be any bytes
    handler = _text_handler(program) if as_text else JsonHandler(program)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    _quieten()


def _quieten() -> None:
    """Leave out what libraries say of each request, with its headers, and of each event."""
    for noisy in ("azure", "watchdog"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _text_handler(program: str) -> logging.Handler:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(text_formatter(program))
    return handler


def configure_tool(program: str) -> None:
    """Send every log record to standard error, after the program's name; results have the output.

    For a tool that people and pipelines call.
    """
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format=f"{program}: %(message)s", force=True
    )
    _quieten()
