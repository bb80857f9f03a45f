"""Worker processes and their parent."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.programs import running

DRIVER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import phases
from modelsystem_trainer.engines import started

if __name__ == "__main__":
    with started("processes", 2, Path(sys.argv[1])) as engine:
        engine.run(phases.pid, Path(sys.argv[1]), [1, 2])
"""


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_workers_do_not_outlive_a_driver_that_is_killed(tmp_path: Path) -> None:
    """After SIGKILL of the driver no worker goes on."""
    script = tmp_path / "driver.py"
    script.write_text(DRIVER)
    arguments = [sys.executable, script, tmp_path, Path(__file__).parent]
    with running(arguments) as driver:
        files = [tmp_path / "pid-1", tmp_path / "pid-2"]
        wait_until(lambda: all(path.exists() and path.read_text() for path in files))
        driver.kill()
        pids = [int(path.read_text()) for path in files]
        wait_until(lambda: not any(map(is_alive, pids)))
