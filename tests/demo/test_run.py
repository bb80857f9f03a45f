"""`make run` refuses what cannot work before it starts anything."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / "demo" / "run.py"


def _run(**environ: str) -> tuple[int, str]:
    command = [sys.executable, str(RUN)]
    done = subprocess.run(
        command, env=os.environ | environ, check=False, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout.strip()


def test_a_busy_port_is_named_at_once() -> None:
    """Nobody waits for a training whose model cannot be served."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        code, said = _run(PORT=port)
    assert code == 1
    assert said.startswith(f"PORT {port} cannot be used")


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "3000.0"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    """With the exit code of settings."""
    assert _run(PORT=port) == (2, f"PORT {port!r} is not a number from 1 to 65535.")


@pytest.mark.parametrize("build", ["../13", "a/b", "..", "."])
def test_a_build_number_that_leaves_the_folder_is_refused(build: str) -> None:
    """Nothing is written outside .run/models."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = str(found.getsockname()[1])
    expected = (2, f"BUILDNUMBER {build!r} cannot name a folder.")
    assert _run(BUILDNUMBER=build, PORT=port) == expected
