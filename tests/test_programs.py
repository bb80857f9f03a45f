"""What ends the programs that tests start."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.programs import running

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("is_dead", [False, True])
def test_a_program_ends_with_all_that_it_has_started(*, is_dead: bool) -> None:
    """Also if the program has ended before what it started, and if the test fails."""
    children: list[int] = []
    with pytest.raises(ZeroDivisionError):
        fail_with_a_child(children, is_dead=is_dead)
    deadline = time.monotonic() + 60
    while is_running(children[0]):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def fail_with_a_child(children: list[int], *, is_dead: bool) -> None:
    """Start a program that starts another one, which still runs at the end."""
    command = [sys.executable, "-c", PARENT]
    with running(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        children.append(int(parent.stdout.readline()))
        if is_dead:
            parent.kill()
            parent.wait()
        assert is_running(children[0])
        raise ZeroDivisionError


def is_running(number: int) -> bool:
    """Whether a process has that number, and is no zombie."""
    try:
        return "State:\tZ" not in Path(f"/proc/{number}/status").read_text()
    except FileNotFoundError:
        return False
