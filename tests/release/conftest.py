"""The tool, run as a program."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis
import pytest

hypothesis.settings.register_profile(  # a busy machine is no failure
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")

# As the console script runs, but its pauses between two looks at the cluster are short.
PROGRAM = """
from modelsystem_release.__main__ import main
from modelsystem_release.cluster import helm, port_forward, removal_job, watcher
helm._INTERVAL = removal_job._INTERVAL = watcher._INTERVAL = port_forward._PAUSE = 0.1
main()
"""


class Result(NamedTuple):
    """How the tool ended: its exit code, its output, and its log."""

    code: int
    output: str
    errors: str

    @property
    def json(self) -> Any:
        """The output as JSON."""
        return json.loads(self.output)


Release = Callable[..., Result]


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """Return a function that runs the tool in a process of its own, in `tmp_path`."""

    def call(
        *arguments: object, stdin: str = "", environ: Mapping[str, str] | None = None
    ) -> Result:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *map(str, arguments)],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin"} | dict(environ or {}),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return call
