"""Runs one build on this machine as a cluster would: waiter first, then trainer, then scorer.

Settings are environment variables: CSV_FOLDER or BLOB_STORAGE_CONTAINER and its like (your data;
without them a sample), PORT (3000), BUILDNUMBER (by default a new one), and all others of the three
programs. All files are below .run/.
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
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from modelsystem_shared import folder, profile

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "demo"
MODELS = ROOT / ".run" / "models"
SAMPLE = ROOT / ".run" / "export"
HOST = "127.0.0.1"
PATIENCE = 10  # seconds for a child to end after SIGTERM
LAST_WORDS = 5  # seconds for one child to report another's failure
ADVICE = {
    2: "correct the settings that it names",
    3: "correct the data or the credentials that it names, then run again",
    4: "the model is corrupt: run again with another BUILDNUMBER",
    5: "the storage failed: run again",
    137: "it was killed, perhaps by the system because memory ran out",
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
        """The URL of the build's site."""
        return f"http://{HOST}:{self.port}"


def main() -> int:
    """Run a build until a signal stops it; return the exit code."""
    try:
        with Cluster() as cluster:
            run = plan()
            environ = variables(run, dict(os.environ))
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
    """Decide what to run; a wrong setting is refused before any program starts."""
    port = free_port(setting("PORT") or "3000")
    build = setting("BUILDNUMBER")
    if "/" in build or build in (".", ".."):
        raise EndError(f"BUILDNUMBER {build!r} cannot name a folder.", 2)
    return Run(build or new_build(), find_export(), port)


def setting(name: str) -> str:
    """Return an environment variable without blanks and quotes around it."""
    return os.environ.get(name, "").strip(" \t'\"")


def free_port(port: str) -> int:
    """Return the port as a number, after a check that a server can listen on it."""
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
    """Reserve today's next build number by creating its folder, and return it."""
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
    """Return the folder with the export, CSV_FOLDER or a sample; None if it is in Blob Storage."""
    if folder := setting("CSV_FOLDER"):
        return Path(folder).absolute()
    if setting("BLOB_STORAGE_CONTAINER"):
        return None
    if code := script(DEMO / "etl.py", str(SAMPLE)):
        raise EndError("Cannot write the sample.", code)
    return SAMPLE


def variables(run: Run, environ: dict[str, str]) -> dict[str, str]:
    """Return the environment of all three programs, as a chart would set it."""
    environ = {name: value for name, value in environ.items() if name != "CSV_FOLDER"}
    if run.export:
        environ = {name: environ[name] for name in environ if not name.startswith("BLOB_STORAGE_")}
        environ["CSV_FOLDER"] = str(run.export)
    return environ | {
        "MODELFOLDER": str(MODELS / run.build),
        "BUILDNUMBER": run.build,
        "HOST": HOST,
        "PORT": str(run.port),
        "LOG_FORMAT": setting("LOG_FORMAT") or "text",
        "GIT_COMMIT": setting("GIT_COMMIT") or commit(),
    }


def commit() -> str:
    """Return the commit of this tree, marked if the tree differs from it; "" without git."""
    if not (git := shutil.which("git")):
        return ""
    command = [git, "-C", str(ROOT), "describe", "--always", "--abbrev=40", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


class Cluster:
    """The programs of one build, as processes that all end when the context does.

    A signal is recorded, and ends the run in `pause` only, so that every started child is ended.
    """

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._signals: list[int] = []

    def __enter__(self) -> "Cluster":
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
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
        """Start a program in a process group of its own: this process passes Ctrl-C on."""
        path = Path(sys.executable).with_name(f"modelsystem-{name}")
        try:
            self._processes[name] = subprocess.Popen([path], env=environ, process_group=0)
        except FileNotFoundError as error:
            raise EndError(f"{path} is not installed: run make install.", 1) from error

    def code(self, name: str) -> int | None:
        """Return the exit code of a program, as a shell shows it; None while it runs."""
        code = self._processes[name].poll()
        return 128 - code if code is not None and code < 0 else code

    def is_running(self, *names: str) -> bool:
        """Return whether any of these programs still runs."""
        return any(self.code(name) is None for name in names)

    @property
    def has_failed(self) -> bool:
        """Whether any program has failed."""
        return any(map(self.code, self._processes))

    def check(self, name: str) -> None:
        """End the run if this program has failed."""
        if code := self.code(name):
            advice = ADVICE.get(code, "its last lines say why")
            raise EndError(f"The {name} ended with exit code {code}: {advice}.", code)

    def pause(self) -> None:
        """Wait a moment; end the run if a signal has arrived."""
        time.sleep(0.1)
        if self._signals:
            raise EndError("Stopped.", 0)

    def serve(self) -> NoReturn:
        """Wait until the scorer ends, which happens only after a signal or a failure."""
        while self.is_running("scorer"):
            self.pause()
        self.check("scorer")
        raise EndError("The scorer was stopped.", 0)


def wait_for_model(cluster: Cluster) -> None:
    """Wait until trainer and waiter are done; the trainer's failure counts before the waiter's."""
    while not cluster.has_failed and cluster.is_running("trainer", "waiter"):
        cluster.pause()
    until = time.monotonic() + LAST_WORDS  # if one has failed, the other reports it
    while time.monotonic() < until and cluster.is_running("trainer", "waiter"):
        cluster.pause()
    cluster.check("trainer")
    cluster.check("waiter")


def wait_until_ready(cluster: Cluster, run: Run) -> None:
    """Wait until the site is ready."""
    while not is_ready(run):
        cluster.check("scorer")
        cluster.pause()


def is_ready(run: Run) -> bool:
    """Return whether `/readyz` answers 200; a proxy of the environment is not used."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{run.site}/readyz", timeout=2):
            return True
    except OSError:  # refused, or an answer such as 503
        return False


def present(run: Run) -> None:
    """Show the profile of the data, a recommendation, and the site's URL."""
    print("\n" + "\n".join(f"  {line}" for line in data_profile(run)), flush=True)
    script(DEMO / "ask.py", run.site, *([str(run.export)] if run.export else []))
    print(f"\n  Build {run.build} is served at {run.site}/ - Ctrl-C ends it\n", flush=True)


def data_profile(run: Run) -> list[str]:
    """Return the profile of the build's data in ten lines."""
    data = folder.published(MODELS / run.build).manifest.model.get("data")
    return profile.lines(data["profile"]) if data and "profile" in data else []


def script(path: Path, *arguments: str) -> int:
    """Run a script to its end, unaffected by Ctrl-C, and return its exit code."""
    command = [sys.executable, str(path), *arguments]
    return subprocess.run(command, check=False, process_group=0).returncode


if __name__ == "__main__":
    sys.exit(main())
