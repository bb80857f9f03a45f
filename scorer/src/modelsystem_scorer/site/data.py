"""The profile of the model's data, as the front page shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from modelsystem_shared import profile
from modelsystem_shared.profile import FileProfile, Profile

_MOST_FILES = 20


@dataclass(frozen=True)
class File:
    """A row of the table of files, as text."""

    name: str
    rows: str
    rejected: str
    size: str
    times: str
    columns: str
    unused: str


@dataclass(frozen=True)
class DataSection:
    """What the page says of the data.

    broken: a sentence for each rule that the data breaks.
    figures: name, value, the champion's value and meaning.
    left_out: reason and names.
    """

    broken: Sequence[str]
    kept: int
    figures: Sequence[tuple[str, str, str, str]]
    champion: str | None
    files: Sequence[File]
    n_more_files: int
    left_out: Sequence[tuple[str, str]]
    has_times: bool


def section(described: Profile) -> DataSection:
    """Return the page's section on the data."""
    files = described["files"]
    return DataSection(
        broken=[outcome["sentence"] for outcome in profile.broken(described)],
        kept=sum(outcome["is_kept"] is True for outcome in described["verdict"]),
        figures=profile.rows_of_figures(described, profile.champion_figures(described)),
        champion=described["champion"]["build"] if "champion" in described else None,
        files=[_file(file) for file in files[:_MOST_FILES]],
        n_more_files=max(len(files) - _MOST_FILES, 0),
        left_out=[
            (_and_more(out["names"], out["count"]), out["reason"]) for out in described["left_out"]
        ],
        has_times=described["first"] is not None,
    )


def _file(file: FileProfile) -> File:
    first, last = file["first"], file["last"]
    return File(
        file["name"],
        f"{file['rows']:,}",
        f"{file['rows_rejected']:,}",
        f"{file['bytes']:,}",
        f"{first[:10]} to {last[:10]}" if first and last else "–",
        ", ".join(file["columns"].values()),
        ", ".join(file["unused"]) or "–",
    )


def _and_more(names: Sequence[str], count: int) -> str:
    more = count - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more else "")
