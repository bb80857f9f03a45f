"""The figures of the profile: what each means, and how it is written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from modelsystem_shared.profile.types import Profile


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _share(value: float) -> str:
    text = f"{100 * value:.2f}".rstrip("0").rstrip(".")
    return f"{text} %"


def _ratio(value: float) -> str:
    return f"{value:.2f}"


def _days(value: float) -> str:
    return f"{value:,.0f} days"


@dataclass(frozen=True)
class Figure:
    """What a figure is, and how it is written."""

    meaning: str
    text: Callable[[float], str] = _count


FIGURES: Mapping[str, Figure] = {
    "rows": Figure("rows that were read"),
    "rows_rejected": Figure("rows that are lost because they are malformed"),
    "rejected": Figure("share of the rows that are lost", _share),
    "rows_of_other_tenants": Figure("rows of other tenants"),
    "rows_merged": Figure("rows that were merged into others of the same user and item"),
    "repeats": Figure("rows for each pair of user and item", _ratio),
    "users": Figure("users"),
    "items": Figure("items with interactions"),
    "interactions": Figure("pairs of user and item"),
    "largest_user": Figure("share of the interactions of the most active user", _share),
    "largest_item": Figure("share of the interactions with the most popular item", _share),
    "catalogue": Figure("items in the catalogue"),
    "idle_items": Figure("items of the catalogue without interactions"),
    "titled_items": Figure("items with interactions that have a title"),
    "untitled_items": Figure("items with interactions that have no title"),
    "titles_fit": Figure("share of the items that have a title in the catalogue", _share),
    "timed_rows": Figure("rows with a time"),
    "odd_times": Figure("rows whose times are far from all others"),
    "span": Figure("days from the first to the last interaction", _days),
    "days_behind": Figure("days from the last interaction to the date of the newest file", _days),
    "days_gained": Figure("days from the champion's last interaction to ours", _days),
    "new_users": Figure("share of the users that the champion does not have", _share),
    "gone_users": Figure("share of the champion's users that are gone", _share),
    "new_items": Figure("share of the items that the champion does not have", _share),
    "gone_items": Figure("share of the champion's items that are gone", _share),
    "files": Figure("files that were read"),
    "left_out": Figure("entries that were left out"),
    "copies": Figure("files that are copies of others"),
    "linked": Figure("links to folders, which are not followed"),
    "uncommitted": Figure("folders whose writing job has not committed"),
    "lookalikes": Figure("unused columns that resemble a missing one"),
    "odd_ids": Figure("ids that look damaged, such as NULL, 1.2E+11, or with blanks around"),
}


def text_of(name: str, value: float | None) -> str:
    """Return a figure as text; a dash if it is not known."""
    if value is None:
        return "–"
    return FIGURES[name].text(value) if name in FIGURES else f"{value:g}"


def rows_of_figures(
    profile: Profile, other: Mapping[str, float] | None = None
) -> list[tuple[str, str, str, str]]:
    """Return name, value, the other's value and meaning of all figures that are known."""
    theirs = other or {}
    known = [name for name in FIGURES if name in profile["figures"] or name in theirs]
    return [
        (
            name,
            text_of(name, profile["figures"].get(name)),
            text_of(name, theirs.get(name)),
            FIGURES[name].meaning,
        )
        for name in known
    ]
