"""Ridge by blocks beside commit 2815370, which held all of G: CPU seconds, peaks and equality.

Each fit runs in a process of its own, the two take turns, and figures are medians. Seconds are
user and system of the fit alone, compiled before; the peak is the process's, libraries and data
included. A target may differ only where candidates are equally strong at the last place.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

import generate
from memory import own_peak
from modelsystem_trainer.fit import Parameters, ridge  # of either commit

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
OLD = "2815370"
Floats = npt.NDArray[np.floating]
Integers = npt.NDArray[np.integer]
THREADS = len(os.sched_getaffinity(0))


class Contest(NamedTuple):
    """Interactions and a number of neighbours; memory: bytes, 0 for the machine's."""

    data: str
    neighbours: int
    memory: int = 0


CONTESTS = {
    "gowalla-100": Contest("gowalla", 100),
    "gowalla-200": Contest("gowalla", 200),
    "large-100": Contest("10000000,250000,100000", 100),
    "large-100-small-budget": Contest("10000000,250000,100000", 100, 1_200_000_000),
}


def main() -> None:
    """Compare, or do one fit if this is a child."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("contests", nargs="*", help=f"of {', '.join(CONTESTS)}; all by default")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--child", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not find_spec("sparse_dot_topn"):  # of the old commit
        sys.exit("sparse-dot-topn is missing: make benchmark-env")
    if arguments.child:
        fit(*arguments.child)
        return
    with tempfile.TemporaryDirectory() as folder:
        old = Path(folder) / "old"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--detach", "--quiet", str(old), OLD], check=True)
        try:
            for name in arguments.contests or CONTESTS:
                compare(name, old, Path(folder), arguments.repeat)
        finally:
            subprocess.run([*git, "remove", "--force", str(old)], check=True)


def compare(name: str, old: Path, folder: Path, repeat: int) -> None:
    """Print a line for each of the two, their ratios, and how the results differ."""
    contest = CONTESTS[name]
    data = folder / f"{contest.data}.npz"
    if not data.exists():
        save(data, interactions(contest.data))
    sources = {"old": old, "new": ROOT}
    runs: dict[str, list[tuple[float, int]]] = {which: [] for which in sources}
    for _ in range(repeat):
        for which, root in sources.items():
            runs[which].append(child(which, root, data, contest, folder / f"{which}.npz"))
    medians = {
        w: [statistics.median(column) for column in zip(*runs[w], strict=True)] for w in runs
    }
    for which, (seconds, peak) in medians.items():
        print(f"{name} {which}: {seconds:.1f} CPU s, peak {peak / 1e6:.0f} MB")
    ratios = [new / of_old for new, of_old in zip(medians["new"], medians["old"], strict=True)]
    print(f"{name} new to old: CPU {ratios[0]:.2f}, peak {ratios[1]:.2f}")
    print(
        f"{name}: {differences(load(data), load(folder / 'old.npz'), load(folder / 'new.npz'))}",
        flush=True,
    )


def child(which: str, root: Path, data: Path, contest: Contest, out: Path) -> tuple[float, int]:
    """Fit in a process of its own; return CPU seconds and peak bytes."""
    path = os.pathsep.join(str(root / f"{package}/src") for package in ("trainer", "shared"))
    arguments = [which, str(data), str(contest.neighbours), str(contest.memory), str(out)]
    result = subprocess.run(
        [sys.executable, __file__, "--child", *arguments],
        env=os.environ | {"PYTHONPATH": path},
        check=True,
        stdout=subprocess.PIPE,
    )
    seconds, peak = json.loads(result.stdout)
    return seconds, peak


def fit(which: str, data: str, neighbours: str, memory: str, out: str) -> None:
    """Fit the interactions of a file; print CPU seconds and peak bytes."""
    if which == "old":
        resources: object = THREADS
    else:
        from modelsystem_trainer.engines import Threads  # noqa: PLC0415  # the old one has none
        from modelsystem_trainer.fit import Resources  # noqa: PLC0415

        usual = Resources(Threads(THREADS))
        resources = replace(usual, memory=int(memory) or usual.memory)
    x = load(Path(data))
    most = int(neighbours)
    ridge.similarities(x[:300, :1_000], Parameters(), most, resources)  # type: ignore[arg-type]  # as above
    before = time.process_time()
    similarity = ridge.similarities(x, Parameters(), most, resources)  # type: ignore[arg-type]  # as above
    print(json.dumps([time.process_time() - before, own_peak()]))
    save(Path(out), similarity)


def interactions(data: str) -> sparse.csr_array:
    """Return users × items of a published train part, or of a generated table: rows,users,items."""
    if "," not in data:
        table = pd.read_csv(DATA / data / "train.csv.gz", dtype=str)
        codes = (np.unique(table[name], return_inverse=True)[1] for name in ("user_id", "item_id"))
        return matrix(*codes)
    rows, users, items = map(int, data.split(","))
    draw = np.random.default_rng(1)
    population = generate.Population.drawn(draw, users, items)
    shares = (population.users, population.items)
    return matrix(*(np.searchsorted(share, draw.random(rows) * share[-1]) for share in shares))


def matrix(users: Integers, items: Integers) -> sparse.csr_array:
    """Return users × items of ones; pairs that come twice count once."""
    x = sparse.csr_array((np.ones(len(users), np.float32), (users, items)))
    x.sum_duplicates()
    x.data[:] = 1
    return x


def differences(x: sparse.csr_array, old: sparse.csr_array, new: sparse.csr_array) -> str:
    """Count the targets with equal bits, with a tie at the last candidate, and all others.

    A tie is shown by its candidates, with what they are chosen by.
    """
    keyed = keys(x)
    columns = [similarity.tocsc() for similarity in (old, new)]
    for similarity in columns:
        similarity.sort_indices()
    equal, ties = 0, list[str]()
    for target in range(old.shape[1]):
        (first, weights), (second, others) = (_column(c, target) for c in columns)
        if not np.array_equal(first, second):
            strengths = {item: keyed(target)[item] for item in np.setxor1d(first, second)}
            if len(set(strengths.values())) == 1:
                ties.append(f"{target}: {', '.join(f'{i} {k:.9g}' for i, k in strengths.items())}")
        elif np.array_equal(weights, others):
            equal += 1
    rest = old.shape[1] - equal - len(ties)
    counts = (
        f"{equal} targets equal, {len(ties)} with a tie at the last candidate, {rest} different"
    )
    return "\n  ".join([counts, *ties])


def keys(x: sparse.csr_array) -> Callable[[int], Floats]:
    """Return a function of a target: what candidates are chosen by, as the old commit added it."""
    p, lengths = Parameters(), np.diff(x.indptr)
    users = (np.maximum(lengths, 1) / lengths[lengths > 0].mean()) ** -p.a
    weights = x.data * np.repeat(users, lengths)
    g = np.bincount(x.indices, x.data * weights.astype(np.float32), x.shape[1])
    damping = np.maximum(g.astype(np.float32), 1e-30).astype(np.float64) ** -p.e
    data = (weights * damping[x.indices]).astype(np.float32)
    keyed, by_item = sparse.csr_array((data, x.indices, x.indptr), shape=x.shape), x.T.tocsr()

    def of_target(target: int) -> Floats:
        row: Floats = (by_item[[target]] @ keyed).toarray()[0]
        return row

    return of_target


def _column(c: sparse.csc_array, target: int) -> tuple[Integers, Floats]:
    part = slice(c.indptr[target], c.indptr[target + 1])
    return c.indices[part], c.data[part]


def save(path: Path, x: sparse.csr_array) -> None:
    """Write a matrix."""
    np.savez(path, data=x.data, indices=x.indices, ends=x.indptr, shape=x.shape)


def load(path: Path) -> sparse.csr_array:
    """Read a matrix."""
    with np.load(path) as file:
        return sparse.csr_array(
            (file["data"], file["indices"], file["ends"]), shape=tuple(file["shape"])
        )


if __name__ == "__main__":
    main()
