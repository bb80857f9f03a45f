"""A command's result: a table for people, or JSON for programs."""

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows below their head, each column as wide as its widest cell."""
    cells = [[*map(str, head)], *([*map(str, row)] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    padded = (
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells
    )
    return "\n".join(padded)


def show(arguments: argparse.Namespace, data: object, text: str) -> None:
    """Print `data` as JSON if --output says so, else `text`."""
    print(_json(data) if arguments.output == "json" else text, flush=True)


def write_json(path: Path, data: object) -> None:
    """Write a JSON file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_json(data) + "\n", encoding="utf-8")


def _json(data: object) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False)
