"""The program: the sentence and the exit code with which it refuses to start."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modelsystem_shared import folder

StartSite = Callable[..., Any]


def refusal(start_site: StartSite, **variables: str | Path) -> tuple[int, str]:
    """Start a scorer that cannot serve; return its exit code and its last words."""
    site = start_site(wait=False, **variables)
    code = site.end()
    assert "Traceback" not in site.log()
    last: dict[str, str] = json.loads(site.log().splitlines()[-1])
    assert last["level"] == "error"
    return code, last["message"]


def test_an_absent_model_ends_with_1(start_site: StartSite, tmp_path: Path) -> None:
    """The sentence names the folder."""
    code, words = refusal(start_site, MODELFOLDER=tmp_path)
    assert code == 1
    assert words == f"{tmp_path} holds no complete model (complete.txt)"


def test_wrong_settings_end_with_2(start_site: StartSite) -> None:
    """All faults are in one sentence."""
    code, words = refusal(start_site, PORT="0", WORKERS="0")
    assert code == 2
    assert all(name in words for name in ("MODELFOLDER", "PORT", "WORKERS"))


def test_another_build_ends_with_2(start_site: StartSite, model_folder: Path) -> None:
    """The sentence names both builds."""
    code, words = refusal(start_site, MODELFOLDER=model_folder, BUILDNUMBER="1")
    assert code == 2
    assert words.startswith("BUILDNUMBER is 1, but the model in")
    assert words.endswith("is of build 20180523.5")


def test_a_corrupt_model_ends_with_4(start_site: StartSite, copied_folder: Path) -> None:
    """One changed byte is enough; the sentence names the file."""
    file = folder.published(copied_folder).attempt / "trend.npy"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    code, words = refusal(start_site, MODELFOLDER=copied_folder)
    assert code == 4
    assert words == f"{file} does not have the digest in manifest.json"


def test_a_port_in_use_ends_with_1(start_site: StartSite, model_folder: Path) -> None:
    """The sentence names the variable."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, words = refusal(start_site, MODELFOLDER=model_folder, PORT=str(port))
    assert code == 1
    assert words == f"cannot listen on PORT {port} of HOST 127.0.0.1: Address already in use"


def run(argument: str) -> subprocess.CompletedProcess[str]:
    """Run the program with an argument."""
    command = [sys.executable, "-m", "modelsystem_scorer", argument]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_help_lists_the_variables() -> None:
    """Help needs no settings."""
    done = run("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("MODELFOLDER", "PORT", "WORKERS", "exit codes"))


def test_there_are_no_arguments() -> None:
    """An option is refused, not ignored."""
    assert run("--port=80").returncode == 2
