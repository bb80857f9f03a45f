"""Measures the scorer under load: requests per second beside an earlier commit's and a constant.

It needs wrk (apt-get install wrk). Three sites take turns in one run: the scorer of an earlier
commit, in a work tree of its own; this one; and the floor, a bare ASGI application that answers in
the same gunicorn with a constant of the same size. Then unchanged answers (304), and memory.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

import numpy as np
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]  # ships no types

from accuracy import GOWALLA, wait_until_ready
from modelsystem_scorer.serve.answer import Receive, Send
from modelsystem_shared import folder, manifest, publication
from modelsystem_shared.manifest import ModelPart
from modelsystem_shared.numeric import model
from modelsystem_shared.numeric.model import Model, Rows, Strings
from modelsystem_shared.numeric.ranking import K

OLD = "2815370"
OLD_SITE, SITE, FLOOR, UNCHANGED = "old", "new", "floor", "new, 304"
FLOOR_BYTES = 1377  # the mean answer on gowalla with k = 20
ROOT = Path(__file__).parents[1]
PYTHON = ".venv/bin/python"
USERS = 10_000
CONNECTIONS = 8
PARAMETERS = "method=ridge,a=0.25,lam=160,b=0.1,c=-0.05"
MANY_WORKERS = 10
LARGE_ITEMS, LARGE_NEIGHBOURS = 100_000, 100
SCRIPT = """
local users = {}
for line in io.lines(os.getenv("USERS")) do users[#users + 1] = line end
local headers = {["Content-Type"] = "application/json"}
local etag = os.getenv("ETAG")
local number = 0
request = function()
  if etag ~= "" then
    local path = "/v1/users/" .. users[1] .. "/recommendations?k=" .. os.getenv("K")
    return wrk.format("GET", path, {["If-None-Match"] = etag})
  end
  number = number + 1
  local user = users[(number * 7919) % #users + 1]
  local body = string.format('{"user_id": "%s", "k": %s}', user, os.getenv("K"))
  return wrk.format("POST", nil, headers, body)
end
done = function(summary, latency)
  local wrong = summary.errors.status + summary.errors.read + summary.errors.timeout
  local p50, p99 = latency:percentile(50) / 1000, latency:percentile(99) / 1000
  local rate = summary.requests * 1e6 / summary.duration
  io.write(string.format("\\n%f %d %f %f\\n", rate, wrong, p50, p99))
end
"""


class Measured(NamedTuple):
    """Requests per second, and milliseconds that half and 99 % of them take at most."""

    rate: float
    p50: float
    p99: float


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=GOWALLA, help="folder of the split")
    parser.add_argument("--seconds", type=int, default=5, help="of each run of wrk")
    parser.add_argument("--rounds", type=int, default=5, help="in which the sites take turns")
    parser.add_argument("--old", default=OLD, help="the commit to compare with")
    parser.add_argument("--access-log", choices=("on", "off"), default="on")
    parser.add_argument("--floor", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.floor:
        serve_constant(arguments.floor)
        return
    if not shutil.which("wrk"):
        sys.exit("wrk is missing: apt-get install wrk")
    with tempfile.TemporaryDirectory() as work, work_tree(arguments.old) as old:
        folders = train_both(arguments.data, old, Path(work))
        users = write_users(Path(work))
        for workers in (1, 2):
            variables = {"WORKERS": str(workers), "ACCESS_LOG": arguments.access_log}
            with all_sites(folders, old, variables) as sites:
                compare(sites, users, arguments.rounds, arguments.seconds, workers)
        large = write_large(Path(work) / "large")
        variables = {"MODELFOLDER": str(large), "WORKERS": str(MANY_WORKERS)}
        with site([sys.executable, "-m", "modelsystem_scorer"], variables) as started:
            memory(started, large)


@contextmanager
def work_tree(commit: str) -> Iterator[Path]:
    """Check out a commit in a folder of its own, and install it there."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        add: list[str | Path] = ["git", "worktree", "add", "--quiet", "--detach", tree, commit]
        subprocess.run(add, cwd=ROOT, check=True)
        try:
            print(f"installing {commit} in a work tree", flush=True)
            subprocess.run(["make", "--silent", "install"], cwd=tree, check=True)
            yield tree
        finally:
            remove: list[str | Path] = ["git", "worktree", "remove", "--force", tree]
            subprocess.run(remove, cwd=ROOT, check=True)


def train_both(data: Path, old: Path, work: Path) -> dict[str, str]:
    """Train with the old commit and with this one, and return the folder of each model."""
    folders = {OLD_SITE: str(work / "old"), SITE: str(work / "model")}
    export = work / "csv"
    export.mkdir()
    shutil.copy(data / "train.csv.gz", export)
    for name, program in ((OLD_SITE, old / PYTHON), (SITE, Path(sys.executable))):
        environ = {
            "MODELFOLDER": folders[name],
            "CSV_FOLDER": str(export),
            "PARAMETERS": PARAMETERS,
        }
        command: list[str | Path] = [program, "-m", "modelsystem_trainer"]
        environ = os.environ | environ | {"BUILDNUMBER": "benchmark"}
        subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
    return folders


def serve_constant(workers: int) -> None:
    """Serve a constant answer of a typical size, in the gunicorn of the scorer."""
    headers = [(b"Content-Type", b"application/json"), (b"Content-Length", b"%d" % FLOOR_BYTES)]
    body = b"x" * FLOOR_BYTES

    async def constant(_: object, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    options = {"workers": workers, "worker_class": "asgi", "asgi_loop": "uvloop"}
    options |= {"http_parser": "fast", "asgi_lifespan": "off", "keepalive": 75, "loglevel": "error"}
    options["bind"] = f"127.0.0.1:{os.environ['PORT']}"

    class Floor(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
        def load_config(self) -> None:
            for name, value in options.items():
                self.cfg.set(name, value)

        def load(self) -> object:
            return constant

    Floor().run()


@contextmanager
def all_sites(
    folders: dict[str, str], old: Path, variables: dict[str, str]
) -> Iterator[dict[str, "Site"]]:
    """Serve both models, and the floor."""
    module = ["-m", "modelsystem_scorer"]
    floor = [sys.executable, __file__, "--floor", variables["WORKERS"]]
    with (
        site([old / PYTHON, *module], variables | {"MODELFOLDER": folders[OLD_SITE]}) as before,
        site([sys.executable, *module], variables | {"MODELFOLDER": folders[SITE]}) as now,
        site(floor, variables) as constant,
    ):
        yield {OLD_SITE: before, SITE: now, FLOOR: constant}


class Site(NamedTuple):
    """A running site."""

    process: "subprocess.Popen[bytes]"
    port: int

    def pids(self) -> list[int]:
        """Return the process ids of the workers."""
        pid = self.process.pid
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def site(command: Sequence[str | Path], variables: dict[str, str]) -> Iterator[Site]:
    """Run a site until the context ends."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environ = os.environ | variables | {"HOST": "127.0.0.1", "PORT": str(port)}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=environ, stdout=log)
        try:
            wait_until_ready(process, port)
            yield Site(process, port)
        finally:
            process.terminate()
            process.wait()


def write_users(work: Path) -> Path:
    """Write the ids of the users who ask, one a line."""
    ids = model.load(folder.published(work / "model").attempt).users
    places = np.random.default_rng(1).choice(len(ids), min(USERS, len(ids)), replace=False)
    path = work / "users"
    path.write_text("\n".join(ids.pick(places.tolist())) + "\n", encoding="utf-8")
    (work / "ask.lua").write_text(SCRIPT, encoding="utf-8")
    return path


def compare(sites: dict[str, Site], users: Path, rounds: int, seconds: int, workers: int) -> None:
    """Let the sites take turns, and print the medians and their ratios."""
    measurements: dict[str, list[Measured]] = {name: [] for name in (*sites, UNCHANGED)}
    for number in range(rounds + 1):  # the first warms up
        for name, measured in measurements.items():
            started = sites[SITE if name == UNCHANGED else name]
            result = wrk(started, users, seconds, is_unchanged=name == UNCHANGED)
            if number:
                measured.append(result)
    print(f"{workers} workers, {CONNECTIONS} connections, {rounds} rounds of {seconds} s")
    for name, measured in measurements.items():
        rate, p50, p99 = (statistics.median(column) for column in zip(*measured, strict=True))
        print(f"  {name:10} {rate:6.0f} requests/s   p50 {p50:6.2f} ms   p99 {p99:6.2f} ms")
    for name, other in ((SITE, OLD_SITE), (SITE, FLOOR), (UNCHANGED, FLOOR)):
        pairs = list(zip(measurements[name], measurements[other], strict=True))
        rate = statistics.median(ours.rate / theirs.rate for ours, theirs in pairs)
        p99 = statistics.median(ours.p99 / theirs.p99 for ours, theirs in pairs)
        print(f"  {name} to {other}: requests/s {rate:.2f}   p99 {p99:.2f}", flush=True)


def wrk(started: Site, users: Path, seconds: int, *, is_unchanged: bool) -> Measured:
    """Ask without pause, and return what wrk measured."""
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(users.with_name("ask.lua"))]
    url = f"http://127.0.0.1:{started.port}"
    etag = _etag(url, users) if is_unchanged else ""
    done = subprocess.run(
        ["wrk", *options, f"{url}/v1/recommendations"],
        env=os.environ | {"USERS": str(users), "K": str(K), "ETAG": etag},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    rate, wrong, p50, p99 = map(float, done.stdout.split()[-4:])
    if wrong:
        sys.exit(f"{wrong:g} requests went wrong")
    return Measured(rate, p50, p99)


def _etag(url: str, users: Path) -> str:
    """Return the ETag of the first user's recommendations."""
    user = users.read_text(encoding="utf-8").split()[0]
    with urlopen(f"{url}/v1/users/{user}/recommendations?k={K}") as answer:
        etag: str = answer.headers["ETag"]
    return etag


def write_large(target: Path) -> Path:
    """Publish a random model of about 100 MB."""
    random = np.random.default_rng(1)

    def rows(count: int, length: int) -> Rows:
        ends = np.arange(1, count + 1, dtype=np.int64) * length
        indices = random.integers(0, LARGE_ITEMS, count * length)
        return Rows(indices.astype(model.index_type(LARGE_ITEMS)), ends)

    similar, history = rows(LARGE_ITEMS, LARGE_NEIGHBOURS), rows(LARGE_ITEMS, 30)
    none = Rows(similar.indices[:0], np.zeros(0, np.int64))
    names = Strings.of([f"{n:06}" for n in range(LARGE_ITEMS)])
    content = Model(
        items=names,
        titles=names,
        users=names,
        similar=similar,
        similarity=random.random(len(similar.indices), np.float32),
        history=history,
        confidence=np.ones(len(history.indices), np.float32),
        recency=np.ones(1, np.float32),
        trend=np.ones(LARGE_ITEMS, np.float32),
        questions=none,
        answers=none,
    )
    attempt = target / folder.new_attempt_name()
    attempt.mkdir(parents=True)
    for name, array in model.arrays(content):
        np.save(attempt / name, array)
    files = publication.describe(attempt, [name for name, _ in model.arrays(content)])
    facts: ModelPart = {
        "format": manifest.FORMAT,
        "build": "benchmark",
        "files": manifest.listing(files),
    }
    publication.publish(target, attempt, manifest.Manifest(facts, {}), "0.1")
    return target


def memory(started: Site, large: Path) -> None:
    """Ask for many users, then print the private memory of each worker."""
    for number in range(0, LARGE_ITEMS, 25):
        url = f"http://127.0.0.1:{started.port}/v1/users/{number:06}/recommendations"
        with urlopen(url) as answer:
            answer.read()
    private = [private_bytes(pid) / 1e6 for pid in started.pids()]
    size = sum(path.stat().st_size for path in large.rglob("*.npy")) / 1e6
    print(f"{len(private)} workers on a model of {size:.0f} MB: private memory of each")
    print(f"  median {statistics.median(private):.1f} MB, at most {max(private):.1f} MB")


def private_bytes(pid: int) -> int:
    """Return the bytes that a process does not share."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


if __name__ == "__main__":
    main()
