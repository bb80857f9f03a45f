"""What all commands have in common: their help, and a table for people or JSON for programs."""

import argparse
import json
from collections.abc import Iterable, Sequence
from typing import Any

Commands = argparse._SubParsersAction  # argparse has no public name for it
Parser = argparse.ArgumentParser


def command(commands: "Commands[Parser]", name: str, about: str | None, more: str = "") -> Parser:
    """Add a command; its help is `about`, a module's docstring: "`release name`: it does this."."""
    told = (about or "").partition(": ")[2]
    parser: Parser = commands.add_parser(
        name,
        help=told.partition(".")[0].partition("\n")[0],
        description=told,
        epilog=more,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--output", choices=("table", "json"), default="table", help="for people, or for programs"
    )
    return parser


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows below their head, each column as wide as its widest cell."""
    cells = [[*map(str, head)], *([*map(str, row)] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    padded = (
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells
    )
    return "\n".join(padded)


def show(as_json: bool, data: Any, text: str) -> None:
    """Print `data` as JSON, or `text`."""
    print(json.dumps(data, indent=1, ensure_ascii=False) if as_json else text, flush=True)
