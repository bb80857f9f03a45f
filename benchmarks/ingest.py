"""Ours beside other engines: an export of string ids to a sorted table of numbers, in one run.

Each engine runs in a process of its own, they take turns, and figures are medians over the
turns. All must come to the same table. README.md beside this file says how to read it.
"""

import argparse
import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engines import ENGINES, Ingested
from memory import own_peak

BASE = "DuckDB"
GENERATE = Path(__file__).with_name("generate.py")
Turn = dict[str, float | str]


def main() -> None:
    """Print a table, or what one engine came to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--folder", type=Path, help="an export; by default it is generated")
    parser.add_argument("--rows", type=int, default=20_000_000, help="of the generated export")
    parser.add_argument("--repeat", type=int, default=3, help="turns")
    parser.add_argument("--engine", choices=ENGINES, help="run this engine in this process")
    arguments = parser.parse_args()
    if arguments.engine:
        print(json.dumps(run(arguments.engine, arguments.folder)))
    elif arguments.folder:
        compare(arguments.folder, arguments.repeat)
    else:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                [sys.executable, GENERATE, folder, "--rows", str(arguments.rows)], check=True
            )
            compare(Path(folder), arguments.repeat)


def run(name: str, folder: Path) -> Turn:
    """Run one engine; return seconds, peak bytes, rows and a digest of the table."""
    start = time.monotonic()
    table = ENGINES[name](folder)
    seconds = time.monotonic() - start
    peak = own_peak()
    return {"seconds": seconds, "peak": peak, "rows": len(table.user), "digest": digest(table)}


def digest(table: Ingested) -> str:
    """Return a SHA-256 over all of a table."""
    result = hashlib.sha256("\0".join([*table.users, "", *table.items]).encode())
    for column, kind in ((table.user, np.int32), (table.item, np.int32), (table.time, np.float64)):
        result.update(np.ascontiguousarray(column, kind).data)
    return result.hexdigest()


def compare(folder: Path, turns: int) -> None:
    """Let all engines take turns, and print the table."""
    table: dict[str, list[Turn]] = {name: [] for name in ENGINES}
    for _ in range(turns):
        for name, row in table.items():
            row.append(one_turn(name, folder))
            print(f"{name}: {row[-1]['seconds']:.1f} s", file=sys.stderr)
    if len(digests := {str(turn["digest"]) for row in table.values() for turn in row}) > 1:
        sys.exit(f"the engines disagree: {digests}")
    print(f"\n{table[BASE][0]['rows']} pairs, medians of {turns}\n")
    print("\n".join(lines(table)))


def one_turn(name: str, folder: Path) -> Turn:
    """Run one engine in a fresh process."""
    command = [sys.executable, __file__, "--engine", name, "--folder", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    turn: Turn = json.loads(done.stdout)
    return turn


def lines(table: dict[str, list[Turn]]) -> Iterator[str]:
    """Yield the table in Markdown."""
    yield "| engine | seconds | ratio | peak MB | ratio |"
    yield "| --- " + "| ---: " * 4 + "|"
    base = table[BASE]
    for name, row in table.items():
        cells = [name]
        for figure, unit, form in (("seconds", 1, ".1f"), ("peak", 1e6, ".0f")):
            value, other = (median(turns, figure) / unit for turns in (row, base))
            cells += [f"{value:{form}}", f"{value / other:.2f}"]
        yield f"| {' | '.join(cells)} |"


def median(turns: list[Turn], figure: str) -> float:
    """Return the median of a figure."""
    return statistics.median(float(turn[figure]) for turn in turns)


if __name__ == "__main__":
    main()
