"""What all tests share.

In CI a skipped test is a failure: what a test needs is installed there, or is a defect.
"""

import logging
import os
from collections.abc import Iterator

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
