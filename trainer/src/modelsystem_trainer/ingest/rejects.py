"""Malformed rows: all are counted, the first ones listed; too many are an error.

One fault can cost many rows: what a stray quote swallows is lost. Each line that a malformed row
takes counts as a row.
"""

import csv
import io
from collections import Counter

from modelsystem_shared.errors import DataError

SHOWN = 20
LISTED = 10_000


class Rejects:
    """The malformed rows of one training; more than `limit` of them fail it."""

    def __init__(self, limit: int) -> None:
        """Start without any."""
        self.limit = limit
        self.count = 0
        self.of_file: Counter[str] = Counter()
        self.listed: list[tuple[str, int, int, str]] = []  # file, first line, lines, reason
        self.unlisted: list[int] = []  # the lines of each of the others

    def add(self, file: str, line: int, reason: str, lines: int = 1) -> None:
        """Count a row that takes some lines.

        Raises:
            DataError: there are more than the limit, and enough for a list.

        """
        self.count += lines
        self.of_file[file] += lines
        if len(self.listed) < LISTED:
            self.listed.append((file, line, lines, reason))
        else:
            self.unlisted.append(lines)
        if self.count > self.limit and self.count >= SHOWN:
            self.check(is_partial=True)

    def check(self, *, is_partial: bool = False) -> None:
        """Refuse more rows than the limit; `is_partial`: not all rows are read yet.

        Raises:
            DataError: with the file and line of the first ones.

        """
        if self.count <= self.limit:
            return
        listed = sorted(self.listed)[:SHOWN]
        first = "; ".join(f"{file} {_lines(*at)}: {reason}" for file, *at, reason in listed)
        raise DataError(
            f"{self.count:,}{' or more' if is_partial else ''} malformed rows, and MAX_BAD_ROWS is "
            f"{self.limit}: {first}"
        )

    def to_csv(self) -> bytes:
        """Return the list as a CSV file; it holds no value of a row."""
        out = io.StringIO(newline="")
        csv.writer(out).writerows([("file", "line", "lines", "reason"), *sorted(self.listed)])
        return out.getvalue().encode()


def _lines(first: int, count: int) -> str:
    return f"line {first}" if count == 1 else f"lines {first} to {first + count - 1}"
