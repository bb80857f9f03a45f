"""`make run` refuses wrong settings before it starts a program."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / "demo" / "run.py"


def _run(**environ: str) -> tuple[int, str]:
    command = [sys.executable, str(RUN)]
    ended = subprocess.run(
        command, env=os.environ | environ, check=False, capture_output=True, text=True
    )
    assert "Traceback" not in ended.stderr
    return ended.returncode, ended.stdout.strip()


def test_a_busy_port_is_named_at_once() -> None:
    """No training starts whose model cannot be served."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        code, output = _run(PORT=port)
    assert code == 1
    assert output.startswith(f"PORT {port} cannot be used")


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "3000.0"])
def test_an_invalid_port_is_refused(port: str) -> None:
    """The exit code is that of settings."""
    assert _run(PORT=port) == (2, f"PORT {port!r} is not a number from 1 to 65535.")


@pytest.mark.parametrize("build", ["../13", "a/b", "..", "."])
def test_a_build_number_that_leaves_the_folder_is_refused(build: str) -> None:
    """No file is written outside .run/models."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    expected = (2, f"BUILDNUMBER {build!r} cannot name a folder.")
    assert _run(BUILDNUMBER=build, PORT=port) == expected
