"""Logging: one JSON object a line for machines, readable text for people."""

import contextlib
import io
import json
import logging
import sys
import time
from datetime import UTC, datetime
from itertools import islice
from typing import TextIO

_N_PLAIN = len(vars(logging.makeLogRecord({})))  # attributes that every record has, before `extra`
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
        time = datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds")
        return {"time": time, "level": level, "program": self.program, "message": message}


class JsonHandler(logging.StreamHandler[TextIO]):
    """Writes a line for each record, and lines without a record in a third of the time."""

    def __init__(self, program: str) -> None:
        """Write to standard output."""
        super().__init__(sys.stdout)
        self._json = JsonFormatter(program)
        self.setFormatter(self._json)

    def write(self, message: str, facts: dict[str, object]) -> None:
        """Write a line at level INFO, as `info(message, extra=facts)` of a logger would."""
        line = _encode(self._json.line(time.time(), "info", message) | facts)
        with self.lock or contextlib.nullcontext():
            self.stream.write(line + self.terminator)
            self.flush()


def write(log: logging.Logger, message: str, facts: dict[str, object]) -> None:
    """Log at level INFO what comes thousands of times a second."""
    handlers = logging.root.handlers
    if len(handlers) == 1 and isinstance(handlers[0], JsonHandler):
        handlers[0].write(message, facts)
    else:
        log.info(message, extra=facts)


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
    for noisy in ("azure", "watchdog"):  # each request's headers, each event
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
