"""Accuracy on a published split: train on its train part, ask the scorer about its test part.

Protocol of the papers: for every user with test pairs all items are ranked, those of the
train part left out; Recall@20 is hits over the user's test items, NDCG@20 has binary gains
and an ideal DCG over min(20, test items); both are means over users.
"""

import argparse
import csv
import gzip
import http.client
import json
import math
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

BIN = Path(sys.executable).parent
GOWALLA = Path(__file__).resolve().parents[2] / "shared" / "data" / "gowalla"
K = 20
CONNECTIONS = 4
DISCOUNTS = [1 / math.log2(place + 2) for place in range(K)]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=GOWALLA, help="folder of the split")
    data = parser.parse_args().data
    truth = read_pairs(data / "test.csv.gz")
    with tempfile.TemporaryDirectory() as work:
        environ = os.environ | {"MODELFOLDER": f"{work}/model", "BUILDNUMBER": "benchmark"}
        seconds = train(environ, data, Path(work))
        print(f"training, search included: {seconds:.1f} s")
        print(f"model files: {model_bytes(Path(work) / 'model') / 1e6:.1f} MB")
        with scorer(environ) as port:
            report(truth, port)


def read_pairs(path: Path) -> dict[str, set[str]]:
    """Return the items of each user."""
    pairs = defaultdict(set)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            pairs[row["user_id"]].add(row["item_id"])
    return dict(pairs)


def train(environ: dict[str, str], data: Path, work: Path) -> float:
    """Train on the train part alone and return the wall time in seconds."""
    export = work / "export"
    export.mkdir()
    shutil.copy(data / "train.csv.gz", export)
    start = time.monotonic()
    command = [BIN / "modelsystem-trainer"]
    subprocess.run(command, env=environ | {"CSV_FOLDER": str(export)}, check=True)
    return time.monotonic() - start


def model_bytes(folder: Path) -> int:
    """Return the size of all files of the model."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@contextmanager
def scorer(environ: dict[str, str]) -> Iterator[int]:
    """Serve the model on a free port until the context ends."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [BIN / "modelsystem-scorer"]
    process = subprocess.Popen(command, env=environ | {"HOST": "127.0.0.1", "PORT": str(port)})
    try:
        wait_until_ready(process, port)
        yield port
    finally:
        process.terminate()
        process.wait()


def wait_until_ready(process: "subprocess.Popen[bytes]", port: int) -> None:
    """Return when the scorer answers, or raise when it ended."""
    while process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        except OSError:
            time.sleep(0.1)
    sys.exit("the scorer ended before it was ready")


def report(truth: dict[str, set[str]], port: int) -> None:
    """Ask for every user and print the means."""
    users = sorted(truth)
    start = time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        parts = pool.map(lambda n: scores(users[n::CONNECTIONS], truth, port), range(CONNECTIONS))
        found = [score for part in parts for score in part]
    seconds = time.monotonic() - start
    recall, ndcg = (sum(column) / len(found) for column in zip(*found, strict=True))
    print(f"users asked over HTTP: {len(users)} in {seconds:.1f} s")
    print(f"Recall@{K}: {recall:.4f}   NDCG@{K}: {ndcg:.4f}")


def scores(users: list[str], truth: dict[str, set[str]], port: int) -> list[tuple[float, float]]:
    """Ask for some users over one connection and return recall and NDCG of each."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    return [score(ask(connection, user), truth[user]) for user in users]


def ask(connection: http.client.HTTPConnection, user: str) -> list[str]:
    """Return the items recommended to a user."""
    body = json.dumps({"user_id": user, "k": K})
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/v1/recommendations", body, headers)
    answer = json.load(connection.getresponse())
    return [item["item_id"] for item in answer["items"]]


def score(ranked: list[str], wanted: set[str]) -> tuple[float, float]:
    """Return recall and NDCG of one ranking."""
    hits = [item in wanted for item in ranked]
    gained = sum(DISCOUNTS[place] for place, hit in enumerate(hits) if hit)
    return sum(hits) / len(wanted), gained / sum(DISCOUNTS[: len(wanted)])


if __name__ == "__main__":
    main()
