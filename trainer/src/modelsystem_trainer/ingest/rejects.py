"""Malformed rows: all are counted, the first ones listed; too many are an error."""

import csv
import io

from modelsystem_shared.errors import DataError

SHOWN = 20
LISTED = 10_000


class Rejects:
    """The malformed rows of one training; more than `limit` of them fail it."""

    def __init__(self, limit: int) -> None:
        """Start without any."""
        self.limit = limit
        self.count = 0
        self.listed: list[tuple[str, int, str]] = []

    def add(self, file: str, line: int, reason: str) -> None:
        """Count a row.

        Raises:
            DataError: there are more than the limit, and enough for a list.

        """
        self.count += 1
        if len(self.listed) < LISTED:
            self.listed.append((file, line, reason))
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
        first = "; ".join(f"{file} line {line}: {reason}" for file, line, reason in listed)
        raise DataError(
            f"{self.count}{' or more' if is_partial else ''} malformed rows, and MAX_BAD_ROWS is "
            f"{self.limit}: {first}"
        )

    def to_csv(self) -> bytes:
        """Return the list as a CSV file; it holds no value of a row."""
        out = io.StringIO(newline="")
        csv.writer(out).writerows([("file", "line", "reason"), *sorted(self.listed)])
        return out.getvalue().encode()
