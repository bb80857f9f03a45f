"""Logs are JSON for machines and text for people."""

import json
import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from modelsystem_shared import logs

log = logging.getLogger("modelsystem_test")


pytestmark = pytest.mark.usefixtures("own_handlers")


def _said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(capsys.readouterr().out)
    return line


def test_a_record_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    """Time, level, program and sentence, on one line whatever the sentence holds."""
    logs.configure("trainer", "json")
    log.warning("two\nlines of %s", "Zoë")
    line = _said(capsys)
    assert line.pop("time").endswith("+00:00")
    assert line == {"level": "warning", "program": "trainer", "message": "two\nlines of Zoë"}


def test_extras_become_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """What is given as `extra` can be searched for."""
    logs.configure("trainer", "json")
    log.info("read", extra={"rows": 12})
    assert _said(capsys)["rows"] == 12


def test_a_traceback_stays_in_its_object(capsys: pytest.CaptureFixture[str]) -> None:
    """A traceback does not break the line."""
    logs.configure("trainer", "json")
    try:
        raise ValueError("why")
    except ValueError:
        log.exception("failed")
    assert _said(capsys)["traceback"].endswith("ValueError: why")


@pytest.mark.parametrize("log_format", ["json", "auto"])
def test_without_a_terminal_auto_is_json(
    capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    """A container's output, which is no terminal, is for machines."""
    logs.configure("trainer", log_format)
    log.info("hello")
    assert _said(capsys)["message"] == "hello"


def test_text_is_a_sentence_with_its_program(capsys: pytest.CaptureFixture[str]) -> None:
    """A person reads time, program and sentence."""
    logs.configure("waiter", "text")
    log.info("File found")
    assert capsys.readouterr().out[9:] == "waiter   File found\n"


def test_noisy_libraries_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """A library that logs each request does so only when something is wrong."""
    logs.configure("trainer", "json")
    logging.getLogger("azure.core").info("Request URL: https://account/?sig=signature")
    logging.getLogger("azure.core").warning("slow")
    assert _said(capsys)["message"] == "slow"


def test_the_log_of_a_tool_is_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Its results alone are on standard output; requests of libraries are not logged."""
    logging.getLogger("azure").setLevel(logging.NOTSET)  # as another test has left it
    logs.configure_tool("release")
    log.info("installed")
    logging.getLogger("azure.identity").info("Request headers: ...")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "release: installed\n")


def test_a_line_of_a_constant_part_is_as_any_other(capsys: pytest.CaptureFixture[str]) -> None:
    """It has the time, and all facts; text has no such line."""
    logs.configure("scorer", "json")
    handler = logs.json_handler()
    assert handler
    constant = handler.constant("Zoë, 200", {"route": '"/v1"', "status": 200})
    handler.write([(time.time(), constant, {"number": 0.5})])
    prepared = _said(capsys)
    log.info("Zoë, 200", extra={"route": '"/v1"', "status": 200, "number": 0.5})
    ordinary = _said(capsys)
    ages = [
        datetime.now(UTC) - datetime.fromisoformat(line.pop("time"))
        for line in (prepared, ordinary)
    ]
    assert all(timedelta() <= age < timedelta(seconds=60) for age in ages)
    assert prepared == ordinary
    logs.configure("scorer", "text")
    assert logs.json_handler() is None
