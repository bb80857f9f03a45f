"""What all tests share.

In CI a skipped test is a failure: what a test needs is installed there, or is a defect.
"""

import logging
import os
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def own_handlers() -> Iterator[None]:
    """Give the test runner its log handlers back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()  # before `configure`, which would close them
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def hesitant() -> Iterator[str]:
    """Return the URL of a server that takes 0.8 s to fail, but never 0.4 s for the next bytes."""

    class Hesitant(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # http.server wants this name
            for piece in (b"HTTP/1.0 ", b"500 ", b"It failed\r\n", b"\r\n"):
                time.sleep(0.2)
                self.wfile.write(piece)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Hesitant) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
