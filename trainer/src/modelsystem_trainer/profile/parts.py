"""The parts of the profile that are lists: files, entries that were left out, days, bands."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np

from modelsystem_shared.profile import Band, Days, FileProfile, LeftOut
from modelsystem_trainer.evaluation import in_bands
from modelsystem_trainer.export import Export
from modelsystem_trainer.ingest import FileTally, Interactions, by_day

EPOCH = date(1970, 1, 1)
_NAMES = 20  # that are listed for each reason
_MOST_DAYS = 3_660  # the latest ten years
_USERS_OF_ITEM = (1, 2, 6, 21, 101, 1001)  # where each band of them begins


def files(data: Interactions) -> list[FileProfile]:
    """Return what was read of each file, in the order of their names."""
    return [_file(tally, data.rejects.of_file[tally.file.name]) for tally in data.files]


def left_out(export: Export) -> list[LeftOut]:
    """Return what was left out, by reason."""
    return [
        {"reason": out.reason, "count": len(out.names), "names": list(out.names[:_NAMES])}
        for out in export.left_out
    ]


def days(data: Interactions) -> Days | None:
    """Return the rows of each day within the span; None without times."""
    if data.span is None:
        return None
    last = data.span.last_day
    first = max(data.span.first_day, last - _MOST_DAYS + 1)
    counts = by_day(data.files)
    rows = [counts.get(day, 0) for day in range(first, last + 1)]
    return {"first": day_text(first), "rows": rows}


def users_of_items(data: Interactions) -> list[Band]:
    """Return how many items have how many users."""
    counts = np.bincount(data.table["item"].to_numpy(), minlength=len(data.items))
    return [
        {"first": first, "last": last, "items": int(is_in.sum())}
        for first, last, is_in in in_bands(counts, _USERS_OF_ITEM)
    ]


def day_text(day: int) -> str:
    """Return a day since 1970 as ISO 8601."""
    return (EPOCH + timedelta(days=day)).isoformat()


def time_text(seconds: float | None) -> str | None:
    """Return a time in seconds since 1970 as ISO 8601 in UTC, to the second."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _file(tally: FileTally, rejected: int) -> FileProfile:
    return {
        "name": tally.file.name,
        "kind": "catalogue" if tally.file.is_catalogue else "interactions",
        "bytes": tally.file.size,
        "rows": tally.rows,
        "rows_rejected": rejected,
        "columns": dict(tally.layout.theirs),
        "unused": list(tally.layout.unused),
        "first": time_text(tally.first),
        "last": time_text(tally.last),
    }


def names_left_out(export: Export, *reasons: str) -> Sequence[str]:
    """Return the entries that were left out for a reason that begins with one of these."""
    return [name for out in export.left_out if out.reason.startswith(reasons) for name in out.names]
