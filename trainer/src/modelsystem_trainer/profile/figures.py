"""The figures of the profile, by the names of `modelsystem_shared.profile.FIGURES`."""

import re
from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np

from modelsystem_trainer.export import COPY, LINKED
from modelsystem_trainer.ingest import Interactions, resembling
from modelsystem_trainer.profile import parts

_FEW = 5  # examples
# Ids are one to a line: none has a line break.
_ODD_ID = re.compile(
    r"^(?:[^\S\n].*|.*[^\S\n]|(?i:null|none|nan|n/a|undefined|\(null\)|\\n)|\d(?:\.\d+)?E\+\d+"
    r"|.*\N{REPLACEMENT CHARACTER}.*)$",
    re.MULTILINE,
)
_DATE = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-/_.]?(0[1-9]|1[0-2])[-/_.]?(0[1-9]|[12]\d|3[01])(?!\d)"
)


def figures(data: Interactions) -> dict[str, float]:
    """Return all figures that need no champion."""
    return {**_of_rows(data), **_of_titles(data), **_of_times(data), **_of_files(data)}


def examples(data: Interactions) -> dict[str, list[str]]:
    """Return the first few of what some figures count."""
    values_of = {
        "copies": list(parts.names_left_out(data.export, COPY)),
        "linked": list(parts.names_left_out(data.export, LINKED)),
        "uncommitted": list(data.export.uncommitted),
        "lookalikes": sorted(set(resembling(data.files))),
        "odd_ids": [repr(value) for value in odd_ids(data.users) + odd_ids(data.items)],
    }
    return {name: values[:_FEW] for name, values in values_of.items() if values}


def odd_ids(ids: Sequence[str]) -> list[str]:
    """Return the ids that look damaged: by a database, a spreadsheet or a wrong encoding."""
    return _ODD_ID.findall("\n".join(ids))


def _of_rows(data: Interactions) -> dict[str, float]:
    kept, interactions, lost = data.rows_kept, len(data.table), data.rejects.count
    of_users, of_items = (np.bincount(data.table[name].to_numpy()) for name in ("user", "item"))
    return {
        "rows": data.rows,
        "rows_rejected": lost,
        "rejected": _share(lost, data.rows + lost),
        "rows_of_other_tenants": data.rows_of_others,
        "rows_merged": kept - interactions,
        "repeats": _share(kept, interactions),
        "users": len(data.users),
        "items": len(data.items),
        "interactions": interactions,
        "largest_user": _share(int(of_users.max()), interactions),
        "largest_item": _share(int(of_items.max()), interactions),
    }


def _of_titles(data: Interactions) -> dict[str, float]:
    titled = sum(bool(data.titles.get(item)) for item in data.items)
    known = sum(item in data.titles for item in data.items)
    counts: dict[str, float] = {
        "titled_items": titled,
        "untitled_items": len(data.items) - titled,
    }
    if any(file.file.is_catalogue for file in data.files):
        counts["catalogue"] = len(data.titles)
        counts["idle_items"] = len(data.titles) - known
        counts["titles_fit"] = _share(titled, len(data.items))
    return counts


def _of_times(data: Interactions) -> dict[str, float]:
    if data.span is None:
        return {"timed_rows": 0}
    of_times: dict[str, float] = {
        "timed_rows": data.rows_kept,
        "odd_times": data.span.odd,
        "span": data.span.last_day - data.span.first_day + 1,
    }
    if (newest := newest_date(data)) is not None:
        of_times["days_behind"] = (newest - parts.EPOCH).days - data.span.last_day
    return of_times


def newest_date(data: Interactions) -> date | None:
    """Return the newest date in the paths of the files of interactions; None if none has one.

    The path begins with the last three folders of the export's location: `2018/05/08` is a date.
    """
    place = "/".join(data.export.location.split("/")[-3:])
    names = [f"{place}/{file.file.name}" for file in data.files if not file.file.is_catalogue]
    dates = (each for name in names for each in _dates(name))
    return max(dates, default=None)


def _dates(name: str) -> Iterator[date]:
    for match in _DATE.finditer(name):
        try:
            yield date(*map(int, match.groups()))
        except ValueError:
            continue


def _of_files(data: Interactions) -> dict[str, float]:
    return {
        "files": len(data.files),
        "left_out": sum(len(out.names) for out in data.export.left_out),
        "copies": len(parts.names_left_out(data.export, COPY)),
        "linked": len(parts.names_left_out(data.export, LINKED)),
        "uncommitted": len(data.export.uncommitted),
        "lookalikes": len(set(resembling(data.files))),
        "odd_ids": len(odd_ids(data.users)) + len(odd_ids(data.items)),
    }


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0
