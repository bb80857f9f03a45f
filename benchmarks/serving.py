"""Measures the scorer under load: requests per second beside a constant answer, and its memory.

It needs wrk (apt-get install wrk). Our answers are compared with those of a handler in the same
server, which reads the request and returns a constant JSON body of the same size.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

import numpy as np
from flask import Response, request
from pydantic_core import to_json

from accuracy import GOWALLA, train, wait_until_ready
from modelsystem_scorer import engine, serve
from modelsystem_scorer.app import create_app
from modelsystem_scorer.engine import ServedModel
from modelsystem_scorer.settings import ScorerSettings
from modelsystem_scorer.v1 import RecommendationRequest, recommendations
from modelsystem_shared import folder, logs, manifest, publication, settings
from modelsystem_shared.manifest import ModelPart
from modelsystem_shared.numeric import model
from modelsystem_shared.numeric.model import Model, Rows, Strings
from modelsystem_shared.numeric.ranking import K

OURS, CONSTANT = "/v1/recommendations", "/constant"
USERS = 10_000
CONNECTIONS = 8
PARAMETERS = "method=ridge,a=0.25,lam=160,b=0.1,c=-0.05"
MANY_WORKERS = 10
LARGE_ITEMS, LARGE_NEIGHBOURS = 100_000, 100
SCRIPT = """
local users = {}
for line in io.lines(os.getenv("USERS")) do users[#users + 1] = line end
local headers = {["Content-Type"] = "application/json"}
local number = 0
request = function()
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
    parser.add_argument("--rounds", type=int, default=5, help="in which the two take turns")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve_beside_constant()
        return
    if not shutil.which("wrk"):
        sys.exit("wrk is missing: apt-get install wrk")
    with tempfile.TemporaryDirectory() as work:
        environ = os.environ | {"MODELFOLDER": f"{work}/model", "BUILDNUMBER": "benchmark"}
        seconds = train(environ | {"PARAMETERS": PARAMETERS}, arguments.data, Path(work))
        print(f"training: {seconds:.1f} s", flush=True)
        users = write_users(Path(work))
        for workers in (1, 2):
            with site(environ, workers) as started:
                compare(started, users, arguments.rounds, arguments.seconds)
        large = write_large(Path(work) / "large")
        with site(environ | {"MODELFOLDER": str(large)}, MANY_WORKERS) as started:
            memory(started, large)


def serve_beside_constant() -> None:
    """Serve the model, and beside it a constant answer."""
    values = settings.read(ScorerSettings, os.environ)
    logs.configure("scorer", values.log_format)
    served = engine.load(values.source, values.build)
    app = create_app(served, processes=serve.max_processes(values))
    body = typical_answer(served)

    def constant() -> Response:
        request.get_data(cache=False)
        return Response(body, mimetype="application/json")

    app.add_url_rule(CONSTANT, "constant", constant, methods=["POST"])
    serve.run(app, values)


def typical_answer(served: ServedModel) -> bytes:
    """Return an answer of the median size."""
    step = max(1, len(served.model.users) // 100)
    users = served.model.users.pick(range(0, len(served.model.users), step))
    requests = [RecommendationRequest(user_id=user, k=K) for user in users]
    answers = sorted((to_json(recommendations(served, each)) for each in requests), key=len)
    return answers[len(answers) // 2]


class Site(NamedTuple):
    """A running scorer."""

    process: "subprocess.Popen[bytes]"
    port: int
    workers: int

    def pids(self) -> list[int]:
        """Return the process ids of the workers."""
        pid = self.process.pid
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def site(environ: dict[str, str], workers: int) -> Iterator[Site]:
    """Serve a model and a constant answer until the context ends."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    variables = {"HOST": "127.0.0.1", "PORT": str(port), "WORKERS": str(workers)}
    with Path(environ["MODELFOLDER"]).with_suffix(".log").open("wb") as log:
        command = [sys.executable, __file__, "--serve"]
        process = subprocess.Popen(command, env=environ | variables, stdout=log)
    try:
        wait_until_ready(process, port)
        yield Site(process, port, workers)
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


def compare(started: Site, users: Path, rounds: int, seconds: int) -> None:
    """Let ours and the constant answer take turns, and print the medians and their ratios."""
    wrk(started, OURS, users, 2)
    wrk(started, CONSTANT, users, 2)
    measurements: dict[str, list[Measured]] = {OURS: [], CONSTANT: []}
    for _ in range(rounds):
        for path, measured in measurements.items():
            measured.append(wrk(started, path, users, seconds))
    print(f"{started.workers} workers, {CONNECTIONS} connections, {rounds} rounds of {seconds} s")
    for path, measured in measurements.items():
        rate, p50, p99 = (statistics.median(column) for column in zip(*measured, strict=True))
        print(f"  {path:20} {rate:6.0f} requests/s   p50 {p50:6.2f} ms   p99 {p99:6.2f} ms")
    pairs = list(zip(measurements[OURS], measurements[CONSTANT], strict=True))
    rate = statistics.median(ours.rate / constant.rate for ours, constant in pairs)
    p99 = statistics.median(ours.p99 / constant.p99 for ours, constant in pairs)
    print(f"  ratio of each round, median: requests/s {rate:.2f}   p99 {p99:.2f}", flush=True)


def wrk(started: Site, path: str, users: Path, seconds: int) -> Measured:
    """Ask without pause, and return what wrk measured."""
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(users.with_name("ask.lua"))]
    done = subprocess.run(
        ["wrk", *options, f"http://127.0.0.1:{started.port}{path}"],
        env=os.environ | {"USERS": str(users), "K": str(K)},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    rate, wrong, p50, p99 = map(float, done.stdout.split()[-4:])
    if wrong:
        sys.exit(f"{wrong:g} requests to {path} went wrong")
    return Measured(rate, p50, p99)


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
