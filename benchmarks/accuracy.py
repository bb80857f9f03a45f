"""Accuracy on a published split: train on its train part, ask the scorer for its test part.

The protocol of the papers: for every user with test pairs all items are ranked, without those of
the train part; Recall@20 and NDCG@20 are means over users (`modelsystem_shared.numeric.ranking`).
"""

import argparse
import csv
import gzip
import http.client
import json
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

import numpy as np

from modelsystem_shared.numeric import ranking
from modelsystem_shared.numeric.ranking import K

BIN = Path(sys.executable).parent
GOWALLA = Path(__file__).resolve().parents[2] / "shared" / "data" / "gowalla"
CONNECTIONS = 4


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
    own = {"HOST": "127.0.0.1", "PORT": str(port), "ACCESS_LOG": "off"}
    process = subprocess.Popen(command, env=environ | own)
    try:
        wait_until_ready(process, port)
        yield port
    finally:
        process.terminate()
        process.wait()


def wait_until_ready(process: "subprocess.Popen[bytes]", port: int) -> None:
    """Wait until the scorer is ready; exit if it ends before."""
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
        portions = np.array_split(users, CONNECTIONS)
        answers = pool.map(lambda portion: recommendations(portion.tolist(), port), portions)
        lists = [items for of_portion in answers for items in of_portion]
    seconds = time.monotonic() - start
    held_out = [truth[user] for user in users]
    marks, counts = ranking.hits(lists, held_out), np.array([len(items) for items in held_out])
    recall, ndcg = ranking.recall(marks, counts).mean(), ranking.ndcg(marks, counts).mean()
    print(f"requests over HTTP: {len(users)} in {seconds:.1f} s")
    print(f"Recall@{K}: {recall:.4f}   NDCG@{K}: {ndcg:.4f}")


def recommendations(users: list[str], port: int) -> list[list[str]]:
    """Return the items recommended to some users, who are asked for over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    return [recommended(connection, user) for user in users]


def recommended(connection: http.client.HTTPConnection, user: str) -> list[str]:
    """Return the items recommended to a user."""
    body = json.dumps({"user_id": user, "k": K})
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/v1/recommendations", body, headers)
    answer = json.load(connection.getresponse())
    return [item["item_id"] for item in answer["items"]]


if __name__ == "__main__":
    main()
