"""The workloads in forks of one process that has imported them: a training in a tenth of the time.

What runs is each program's own `main`, from its arguments to its exit code, as the console scripts
call it. Shared are imports, compiled loops, and the drawn plots, which are half of a training: they
are those of one training at the start. A fork can wait until strace has attached.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.programs import Ended, running

# With fixed names all paths can be given to strace; without heartbeat, runs make the same calls.
KNOWN = "attempt-known"
SERVER = f"""
import json, logging, os, secrets, sys, tempfile
from importlib import import_module
from pathlib import Path
from modelsystem_shared import folder, publication, settings, signing
from modelsystem_trainer.engines import helping
from modelsystem_trainer.publishing import attempt, plots
from modelsystem_trainer.settings import Settings
mains = {{name: import_module(f"modelsystem_{{name}}.__main__") for name in sys.argv[1:]}}

def train_once():
    draw, kept = plots.drawn, {{}}
    plots.drawn = lambda part: kept or kept.update(draw(part)) or kept
    rows = [
        f"u{{user}},i{{(user * 7 + n * n) % 30}},{{1525000000 + n}}"
        for user in range(50) for n in range(6)
    ]
    names = {{"BUILDNUMBER": "0", "PARAMETERS": "method=cooccurrence", "THREADS": "1"}}
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as root:
        Path(root, "rows.csv").write_text("\\n".join(["user_id,item_id,timestamp", *rows]))
        names |= {{"MODELFOLDER": root + "/model", "CSV_FOLDER": root}}
        mains["trainer"].Job().run(settings.read(Settings, names))
    logging.disable(logging.NOTSET)

def fix_names():
    folder.new_attempt_name = lambda: "{KNOWN}"
    secrets.token_hex = lambda count: "known"
    attempt.HEARTBEAT = 3600

def become(request, gate):
    os.setsid()
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(output, 1), os.dup2(output, 2), os.close(output)
    if request["fixed"]:
        fix_names()
    if request["hasty"]:
        publication.DEAD_AFTER = -1
        helping.POLL = 0.01
    os.environ.clear()
    os.environ.update(request["environ"])
    sys.argv = [f"modelsystem-{{request['program']}}"]
    os.read(gate, 1)
    mains[request["program"]].main()

if "trainer" in mains:
    train_once()
for line in sys.stdin:
    request = json.loads(line)
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        code = 70
        try:
            os.close(writing)
            become(request, reading)
        except SystemExit as end:
            code = end.code or 0
        finally:
            sys.stdout.flush()
            os._exit(code)
    print(pid, flush=True)
    sys.stdin.readline()
    os.write(writing, b"g"), os.close(writing), os.close(reading)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""
THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # a fork keeps only one


class Fork:
    """A workload that waits for `go`, and then runs."""

    def __init__(self, server: "subprocess.Popen[str]", pid: int, output: Path) -> None:
        """Remember the process and the file that it logs to."""
        self._server, self.pid, self.output = server, pid, output

    def go(self) -> None:
        """Let it run."""
        assert self._server.stdin
        self._server.stdin.write("\n")
        self._server.stdin.flush()

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def end(self) -> Ended:
        """Wait until it ends."""
        assert self._server.stdout
        return Ended(int(self._server.stdout.readline()), self.output.read_text())


class Preloaded:
    """A process that forks workloads, one after the other."""

    def __init__(self, *programs: str) -> None:
        """Import these workloads."""
        self._server = subprocess.Popen(
            [sys.executable, "-c", SERVER, *programs],
            env=os.environ | THREADS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._folder = tempfile.TemporaryDirectory()
        self._runs = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._server.communicate(timeout=60)
        finally:
            self._server.kill()
            self._folder.cleanup()

    def prepare(
        self, program: str, environ: Mapping[str, str], *, fixed: bool = False, hasty: bool = True
    ) -> Fork:
        """Fork a workload that waits.

        fixed: with fixed names and without heartbeat.
        hasty: a short marker counts as dead at once, and helpers look often for work.
        """
        assert self._server.stdin
        assert self._server.stdout
        self._runs += 1
        output = Path(self._folder.name) / f"{self._runs}.log"
        output.touch()
        request = {"program": program, "environ": dict(environ), "output": str(output)}
        self._server.stdin.write(json.dumps(request | {"fixed": fixed, "hasty": hasty}) + "\n")
        self._server.stdin.flush()
        return Fork(self._server, int(self._server.stdout.readline()), output)

    def run(self, program: str, environ: Mapping[str, str], *, hasty: bool = True) -> Ended:
        """Run a workload to its end."""
        fork = self.prepare(program, environ, hasty=hasty)
        fork.go()
        return fork.end()

    def traced(
        self, program: str, environ: Mapping[str, str], strace: Sequence[str | Path]
    ) -> Ended:
        """Run a workload with fixed names under strace."""
        fork = self.prepare(program, environ, fixed=True)
        with attached(strace, fork):
            fork.go()
            return fork.end()


@contextmanager
def attached(strace: Sequence[str | Path], fork: Fork) -> Iterator[None]:
    """Attach strace to a fork that waits, and wait for strace's end."""
    command = [*strace, "-f", "-p", str(fork.pid)]
    with running(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr
        line = tracer.stderr.readline()
        assert re.search(r"Process \d+ attached", line), line
        drain = threading.Thread(target=tracer.stderr.read)
        drain.start()
        yield
        drain.join(60)
        assert tracer.wait(60) in (0, None) or tracer.returncode < 0
