"""The tool, called as people call it."""

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


class Told(NamedTuple):
    """How the tool ended, and what it printed."""

    code: int
    output: str
    errors: str

    @property
    def json(self) -> Any:
        """What it printed as JSON."""
        return json.loads(self.output)


Release = Callable[..., Told]


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """Return a function that runs the tool in a process of its own, in `tmp_path`."""

    def call(*arguments: object, stdin: str = "", environ: Mapping[str, str] | None = None) -> Told:
        done = subprocess.run(
            [sys.executable, "-m", "modelsystem_release", *map(str, arguments)],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin"} | dict(environ or {}),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return Told(done.returncode, done.stdout, done.stderr)

    return call
