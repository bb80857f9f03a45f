"""Malformed rows: counted, the first ones kept for people, too many of them an error."""

import csv
import io

from modelsystem_shared.errors import DataError

SHOWN = 20
LISTED = 10_000


class Rejects:
    """Collects malformed rows of one training; more than `limit` of them stop it."""

    def __init__(self, limit: int) -> None:
        """Start with none."""
        self.limit = limit
        self.count = 0
        self.listed: list[tuple[str, int, str]] = []

    def add(self, file: str, line: int, reason: str) -> None:
        """Count a row.

        Raises:
            DataError: when the training cannot go on and enough rows are known to say so.

        """
        self.count += 1
        if len(self.listed) < LISTED:
            self.listed.append((file, line, reason))
        if self.count > self.limit and self.count >= SHOWN:
            self.check(more=True)

    def check(self, *, more: bool = False) -> None:
        """Refuse to go on with more rows than the limit; `more` says not all were read.

        Raises:
            DataError: with the file and line of the first ones.

        """
        if self.count <= self.limit:
            return
        listed = sorted(self.listed)[:SHOWN]
        first = "; ".join(f"{file} line {line}: {why}" for file, line, why in listed)
        raise DataError(
            f"{self.count}{' or more' if more else ''} malformed rows, and MAX_BAD_ROWS is "
            f"{self.limit}: {first}"
        )

    def to_csv(self) -> bytes:
        """Return the list as a CSV file; it holds no values of the rows."""
        out = io.StringIO(newline="")
        csv.writer(out).writerows([("file", "line", "reason"), *sorted(self.listed)])
        return out.getvalue().encode()
