"""The score for a Prometheus Pushgateway; a real one is asked in tests/integration."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

Make = Callable[..., Any]


@pytest.fixture
def silent() -> Iterator[int]:
    """Return the port of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def failing() -> Iterator[int]:
    """Return the port of a server that answers every request with 500."""

    class Failing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # http.server wants this name
            self.send_error(500)

    with HTTPServer(("127.0.0.1", 0), Failing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def seconds_to_find(start: Make, **variables: object) -> tuple[float, str]:
    """Return how long a waiter takes for a model that is there, and what it says."""
    began = time.monotonic()
    waiter = start(**variables)
    assert waiter.end() == 0
    return time.monotonic() - began, waiter.output


def test_a_gateway_that_is_down_changes_nothing(start: Make, publish: Make) -> None:
    """The waiter still ends 0, and the log says that the score was not pushed."""
    publish()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    seconds, output = seconds_to_find(start, PUSHGATEWAY_URL=f"http://127.0.0.1:{port}")
    assert seconds < 8
    assert "cannot be pushed to the Pushgateway" in output
    assert "File found" in output.splitlines()[-1]


def test_a_gateway_that_is_silent_changes_nothing(start: Make, publish: Make, silent: int) -> None:
    """It is given up after a second."""
    publish()
    seconds, output = seconds_to_find(start, PUSHGATEWAY_URL=f"http://127.0.0.1:{silent}")
    assert seconds < 8
    assert "Pushgateway" in output
    assert "File found" in output.splitlines()[-1]


def test_a_gateway_that_fails_changes_nothing(start: Make, publish: Make, failing: int) -> None:
    """Its status is in the log."""
    publish()
    _, output = seconds_to_find(start, PUSHGATEWAY_URL=f"http://127.0.0.1:{failing}")
    assert "HTTP Error 500" in output
    assert "File found" in output.splitlines()[-1]


def test_a_bad_url_is_a_fault_of_the_settings(start: Make, publish: Make) -> None:
    """It is named, and its value, which may hold a password, is not shown."""
    publish()
    waiter = start(PUSHGATEWAY_URL="ftp://user:secret@gateway")
    assert waiter.end() == 2
    assert "PUSHGATEWAY_URL" in waiter.output
    assert "secret" not in waiter.output
