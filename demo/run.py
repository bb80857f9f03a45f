"""Runs one build on this machine as a cluster would: waiter first, then trainer, then scorer.

Settings come from environment variables: CSV_FOLDER (your data; BLOB_STORAGE_CONTAINER and the
like instead; a sample without either), PORT (3000), BUILDNUMBER (a new one without it), and
all those of the three programs. Everything is kept below .run/.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "demo"
MODELS = ROOT / ".run" / "models"
SAMPLE = ROOT / ".run" / "export"
HOST = "127.0.0.1"
PATIENCE = 10  # seconds for a child to end when asked to
LAST_WORDS = 5  # seconds for one child to tell of another's failure
ADVICE = {
    2: "mend the settings that it names",
    3: "mend what it names, then run again",
    4: "the model is not what was published: run again with another BUILDNUMBER",
    5: "the storage did not answer as it should: run again",
    137: "somebody killed it, perhaps the system for want of memory",
}


class EndError(Exception):
    """The run ends, with a sentence and an exit code."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True)
class Run:
    """What to run: a build, the export that it is trained on (None: in Blob Storage), a port."""

    build: str
    export: Path | None
    port: int

    @property
    def site(self) -> str:
        """Where it will be served."""
        return f"http://{HOST}:{self.port}"


def main() -> int:
    """Run a build until somebody stops it; return the exit code."""
    try:
        with Cluster() as cluster:
            run = plan()
            environ = variables(run, os.environ)
            cluster.start("waiter", environ)
            cluster.start("trainer", environ)
            wait_for_model(cluster)
            cluster.start("scorer", environ)
            wait_until_ready(cluster, run)
            present(run)
            cluster.serve()
    except EndError as end:
        print(f"\n{end}", flush=True)
        return end.code


def plan() -> Run:
    """Decide what to run; nothing is begun when a setting is wrong."""
    port = free_port(setting("PORT") or "3000")
    named = setting("BUILDNUMBER")
    if "/" in named or named in (".", ".."):
        raise EndError(f"BUILDNUMBER {named!r} cannot name a folder.", 2)
    return Run(named or new_build(), find_export(), port)


def setting(name: str) -> str:
    """Return an environment variable without blanks and quotes around it."""
    return os.environ.get(name, "").strip(" \t'\"")


def free_port(port: str) -> int:
    """Check that the port can be listened on, before a training is spent on it."""
    if not re.fullmatch(r"[1-9][0-9]{0,4}", port) or int(port) > 65535:
        raise EndError(f"PORT {port!r} is not a number from 1 to 65535.", 2)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, int(port)))
        except OSError as error:
            reason = f"PORT {port} cannot be used ({error.strerror})"
            raise EndError(f"{reason}: choose another, as in make run PORT=3001.", 1) from error
    return int(port)


def new_build() -> str:
    """Take today's next build number, by making its folder: nobody else can take it then."""
    number = 1
    while True:
        build = f"{datetime.now(UTC):%Y%m%d}.{number}"
        try:
            (MODELS / build).mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return build


def find_export() -> Path | None:
    """Return the folder with the export: yours, or a sample; None when it is in Blob Storage."""
    if given := setting("CSV_FOLDER"):
        return Path(given).absolute()
    if setting("BLOB_STORAGE_CONTAINER"):
        return None
    if code := script(DEMO / "etl.py", str(SAMPLE)):
        raise EndError("The sample could not be written.", code)
    return SAMPLE


def variables(run: Run, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of all three programs, as a chart would bake it."""
    kept = {name: value for name, value in environ.items() if name != "CSV_FOLDER"}
    if run.export:
        kept = {name: kept[name] for name in kept if not name.startswith("BLOB_STORAGE_")}
        kept["CSV_FOLDER"] = str(run.export)
    return kept | {
        "MODELFOLDER": str(MODELS / run.build),
        "BUILDNUMBER": run.build,
        "HOST": HOST,
        "PORT": str(run.port),
        "LOG_FORMAT": setting("LOG_FORMAT") or "text",
        "GIT_COMMIT": setting("GIT_COMMIT") or commit(),
    }


def commit() -> str:
    """Return the commit of this tree, marked when the tree differs from it; or nothing."""
    if not (git := shutil.which("git")):
        return ""
    command = [git, "-C", str(ROOT), "describe", "--always", "--abbrev=40", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


class Cluster:
    """The programs of one build, as processes that all end when the context does.

    A signal is noted and acted on only in `pause`: no child can get lost in between.
    """

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._signals: list[int] = []

    def __enter__(self) -> "Cluster":
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
            numbers.append(signal.SIGHUP)
        for number in numbers:
            signal.signal(number, lambda number, _: self._signals.append(number))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        processes = self._processes.values()
        for process in processes:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + PATIENCE
        for process in processes:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def start(self, name: str, environ: dict[str, str]) -> None:
        """Start a program in a process group of its own: Ctrl-C reaches it through us."""
        path = Path(sys.executable).with_name(f"modelsystem-{name}")
        try:
            self._processes[name] = subprocess.Popen([path], env=environ, process_group=0)
        except FileNotFoundError as error:
            raise EndError(f"{path} is not installed: run make install.", 1) from error

    def code(self, name: str) -> int | None:
        """Return the exit code of a program, as a shell has it; None while it runs."""
        code = self._processes[name].poll()
        return 128 - code if code is not None and code < 0 else code

    def busy(self, *names: str) -> bool:
        """Return whether any of these programs still runs."""
        return any(self.code(name) is None for name in names)

    @property
    def failed(self) -> bool:
        """Whether any program has failed."""
        return any(map(self.code, self._processes))

    def check(self, name: str) -> None:
        """End the run when this program has failed."""
        if code := self.code(name):
            advice = ADVICE.get(code, "its last lines say why")
            raise EndError(f"The {name} ended with exit code {code}: {advice}.", code)

    def pause(self) -> None:
        """Wait a moment; end the run when somebody asked for that."""
        time.sleep(0.1)
        if self._signals:
            raise EndError("Stopped.", 0)

    def serve(self) -> NoReturn:
        """Wait until the scorer ends, which it does only when told to, or in trouble."""
        while self.busy("scorer"):
            self.pause()
        self.check("scorer")
        raise EndError("Somebody ended the scorer.", 0)


def wait_for_model(cluster: Cluster) -> None:
    """Wait until trainer and waiter are done; the trainer's failure counts before the waiter's."""
    while not cluster.failed and cluster.busy("trainer", "waiter"):
        cluster.pause()
    until = time.monotonic() + LAST_WORDS  # where one has failed, the other will say so
    while time.monotonic() < until and cluster.busy("trainer", "waiter"):
        cluster.pause()
    cluster.check("trainer")
    cluster.check("waiter")


def wait_until_ready(cluster: Cluster, run: Run) -> None:
    """Wait until the site answers that it is ready."""
    while not is_ready(run):
        cluster.check("scorer")
        cluster.pause()


def is_ready(run: Run) -> bool:
    """Ask the site, past any proxy that the environment may name."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{run.site}/readyz", timeout=2):
            return True
    except OSError:  # refused, or an answer such as 503
        return False


def present(run: Run) -> None:
    """Show a recommendation, and where to get more."""
    script(DEMO / "ask.py", run.site, *([str(run.export)] if run.export else []))
    print(f"\n  Build {run.build} is served at {run.site}/ - Ctrl-C ends it\n", flush=True)


def script(path: Path, *arguments: str) -> int:
    """Run one of our scripts to its end, out of the way of Ctrl-C, and return its exit code."""
    command = [sys.executable, str(path), *arguments]
    return subprocess.run(command, check=False, process_group=0).returncode


if __name__ == "__main__":
    sys.exit(main())
