"""Logging: one JSON object a line for machines, readable text for people."""

import io
import json
import logging
import sys
import time
from datetime import UTC, datetime

_PLAIN = logging.makeLogRecord({}).__dict__.keys() | {"message", "asctime", "color_message"}


class JsonFormatter(logging.Formatter):
    """A record as one JSON object; the keys of `extra` become keys of the object."""

    def __init__(self, program: str) -> None:
        """Format the records of `program`."""
        super().__init__()
        self.program = program

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without a line break."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "program": self.program,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _PLAIN}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


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
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(text_formatter(program) if as_text else JsonFormatter(program))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("azure", "watchdog"):  # each request's headers, each event
        logging.getLogger(noisy).setLevel(logging.WARNING)


def configure_tool(program: str) -> None:
    """Send every log record to standard error, after the program's name; results have the output.

    For a tool that people and pipelines call.
    """
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format=f"{program}: %(message)s", force=True
    )
