"""Ours beside other recommenders: accuracy, seconds, memory and size, in one run.

Each fit runs in a process of its own, the methods take turns, and costs are medians over the
turns. All rank all items for every user, without those of the train part, and are measured by the
same code. README.md beside this file says how to read the table.
"""

import argparse
import itertools
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import lists
import splits
from methods import CONTESTS, Method, Searched, Training
from modelsystem_shared.numeric.arrays import Float64s

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
ONE_FIT = Path(__file__).with_name("one_fit.py")
BASE = "implicit ALS"
OURS = "ours, whole training, K=100"
FIGURES = {  # and how they are printed
    "Recall@20": ".4f",
    "NDCG@20": ".4f",
    "seconds": ".2f",
    "peak MB": ".0f",
    "model MB": ".1f",
}
HEADER = ["method", *(name for figure in FIGURES for name in (figure, "ratio"))]
HEADER += ["95 % of NDCG@20", "ours minus it, 95 %"]


@dataclass
class Row:
    """One method's costs of each turn and accuracy of each user, or why there are none."""

    costs: list[dict[str, float]] = field(default_factory=list)
    recall: Float64s = field(default_factory=lambda: np.zeros(0))
    ndcg: Float64s = field(default_factory=lambda: np.zeros(0))
    problem: str = ""

    def figures(self) -> Iterator[float]:
        """Yield Recall@20, NDCG@20, seconds, MB at the peak and MB of the model."""
        yield from (float(self.recall.mean()), float(self.ndcg.mean()))
        for cost, unit in (("seconds", 1), ("peak", 1e6), ("size", 1e6)):
            yield statistics.median(turn[cost] for turn in self.costs) / unit


Table = dict[str, Row]


def main() -> None:
    """Print a table for each data set."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("contests", nargs="*", choices=CONTESTS, help="all by default")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the data sets")
    parser.add_argument("--methods", default="", help="only those whose name contains this")
    parser.add_argument("--repeat", type=int, default=3, help="turns")
    arguments = parser.parse_args()
    for contest in arguments.contests or CONTESTS:
        split = splits.READERS[contest](arguments.data / contest)
        names = [name for name in CONTESTS[contest] if arguments.methods in name]
        table = compare(contest, split, names, arguments.repeat)
        users = np.count_nonzero(np.diff(split.test.indptr))
        print(f"\n{contest}, {users} users, medians of {arguments.repeat}\n")
        print("\n".join(lines(table)), flush=True)


def compare(contest: str, split: splits.Split, names: list[str], turns: int) -> Table:
    """Run the methods in turns; lists are the same in each, so only the first are measured."""
    table = {name: Row(problem=too_large(contest, name, split)) for name in names}
    with tempfile.TemporaryDirectory() as data:
        split.save(Path(data))
        for turn in range(turns):
            for name, row in table.items():
                if not row.problem:
                    run(contest, name, row, data, split if turn == 0 else None)
    return table


def too_large(contest: str, name: str, split: splits.Split) -> str:
    """Return why a method is left out, or nothing."""
    method, items = CONTESTS[contest][name], split.train.shape[1]
    most = method.most_items if isinstance(method, Searched) else None
    if most is None or items <= most:
        return ""
    return (
        f"left out: its matrix of {items:,} × {items:,} is dense, and {most:,} items are the limit"
    )


def run(contest: str, name: str, row: Row, data: str, split: splits.Split | None) -> None:
    """Add one turn to a row, and its accuracy if a split is given."""
    method = CONTESTS[contest][name]
    with tempfile.TemporaryDirectory() as out:
        row.problem = one_fit([contest, name, data, out, *(["--rank"] if split else [])], method)
        if row.problem:
            return
        result = json.loads((Path(out) / "result.json").read_text())
        note = result.pop("note")
        row.costs.append(result)
        print(f"{contest}: {name}: {result['seconds']:.1f} s {note}".rstrip(), file=sys.stderr)
        if split:
            top = np.load(Path(out) / "top.npy")
            row.recall, row.ndcg = lists.accuracy(top, split.test)


def one_fit(arguments: list[str], method: Method | Searched | Training) -> str:
    """Run one fit in a fresh process and return why it failed, in a line, or nothing."""
    command = [sys.executable, str(ONE_FIT), *arguments]
    environ = os.environ | method.environ
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    print(done.stderr, file=sys.stderr)
    return f"failed: {(done.stderr.strip().splitlines() or [f'exit {done.returncode}'])[-1]}"


def lines(table: Table) -> Iterator[str]:
    """Yield the table in Markdown."""
    yield f"| {' | '.join(HEADER)} |"
    yield "| --- " + "| ---: " * (len(HEADER) - 1) + "|"
    for name, row in table.items():
        rest = [row.problem] if row.problem else cells(row, table)
        yield f"| {' | '.join([name, *rest])} |"


def cells(row: Row, table: Table) -> Iterator[str]:
    """Yield each figure with its ratio to ALS, then the intervals of NDCG."""
    base, ours = measured(BASE, table), measured(OURS, table)
    others = base.figures() if base else itertools.repeat(math.nan)
    for value, other, form in zip(row.figures(), others, FIGURES.values(), strict=False):
        yield from (f"{value:{form}}", f"{value / other:.2f}")
    yield "{:.4f} to {:.4f}".format(*lists.interval(row.ndcg))
    if ours and ours is not row:
        yield "{:+.4f} to {:+.4f}".format(*lists.interval(ours.ndcg - row.ndcg))
    else:
        yield ""


def measured(name: str, table: Table) -> Row | None:
    """Return a row that others are compared with, if it has figures."""
    row = table.get(name)
    return row if row and row.costs and not row.problem else None


if __name__ == "__main__":
    main()
