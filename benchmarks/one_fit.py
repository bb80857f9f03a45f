"""One fit in a process of its own, so that its peak memory is its own: see peers.py."""

import argparse
import json
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import sparse

import lists
from memory import own_peak
from methods import CONTESTS, Fitted, Method, Searched, published, run_trainer


def main() -> None:
    """Fit, then write `result.json` and, when asked, `top.npy`: the lists of all users."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contest", choices=CONTESTS)
    parser.add_argument("method")
    parser.add_argument("data", type=Path, help="folder of a saved split")
    parser.add_argument("out", type=Path, help="an empty folder")
    parser.add_argument("--rank", action="store_true")
    arguments = parser.parse_args()
    method = CONTESTS[arguments.contest][arguments.method]
    note = ""
    if isinstance(method, Searched):
        method, choice = method.best(*parts(arguments.data))
        note = f"chosen with NDCG@20 {choice.ndcg:.4f}: {choice.parameters}"
    if isinstance(method, Method):
        seconds, peak, fitted = timed_fit(method, arguments.data)
    else:
        seconds, peak, fitted = timed_training(arguments.data, arguments.out)
    size = sum(array.nbytes for array in fitted.arrays)
    result = {"seconds": seconds, "peak": peak, "size": size, "note": note}
    (arguments.out / "result.json").write_text(json.dumps(result))
    if arguments.rank:
        np.save(arguments.out / "top.npy", lists.top(fitted.scores, train_part(arguments.data)))


def timed_fit(method: Method, data: Path) -> tuple[float, int, Fitted]:
    """Return seconds, peak bytes and what came of it; compilers and thread pools are warm."""
    x = train_part(data)
    method.fit(x[:100, :1_000])
    start = time.monotonic()
    fitted = method.fit(x)
    return time.monotonic() - start, own_peak(), fitted


def timed_training(data: Path, out: Path) -> tuple[float, int, Fitted]:
    """Return the same of the whole program, start and reading included."""
    start = time.monotonic()
    run_trainer(data / "export", out / "model")
    seconds = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    users, items = (np.load(data / f"{name}.npy") for name in ("users", "items"))
    return seconds, peak, published(out / "model", users, items)


def parts(data: Path) -> Iterator[sparse.csr_matrix]:
    """Yield the train part, and that part of it by which parameters are chosen."""
    for name in ("train", "validation"):
        yield sparse.csr_matrix(sparse.load_npz(data / f"{name}.npz"))


def train_part(data: Path) -> sparse.csr_matrix:
    """Return the train part, users × items, float32."""
    return next(parts(data))


if __name__ == "__main__":
    main()
