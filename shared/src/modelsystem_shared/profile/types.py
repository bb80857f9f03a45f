"""The types of the profile, as the manifest has it."""

from typing import NotRequired, TypedDict


class FileProfile(TypedDict):
    """What was read of a file of the export.

    kind: `interactions` or `catalogue`.
    columns: those that are used, by our names; `unused`: all others.
    first, last: times of the first and the last interaction, ISO 8601 in UTC.
    """

    name: str
    kind: str
    bytes: int
    rows: int
    rows_rejected: int
    columns: dict[str, str]
    unused: list[str]
    first: str | None
    last: str | None


class LeftOut(TypedDict):
    """How many entries were left out for one reason, and the first of their names."""

    reason: str
    count: int
    names: list[str]


class Days(TypedDict):
    """The interactions of each day, from the day `first` on, without those of odd times."""

    first: str
    rows: list[int]


class Band(TypedDict):
    """How many items have `first` to `last` users (null: or more)."""

    first: int
    last: int | None
    items: int


class ChampionProfile(TypedDict):
    """The champion's figures, and how many users and items are new or gone.

    Of a champion without histories (HISTORIES=off) the users are not known.
    """

    build: str
    figures: dict[str, float]
    new_users: NotRequired[int]
    gone_users: NotRequired[int]
    new_items: int
    gone_items: int


class Outcome(TypedDict):
    """What became of a rule of DATA_RULES.

    level: `stop` or `warn`.
    is_kept: null if the data does not have the figure.
    """

    rule: str
    figure: str
    level: str
    is_kept: bool | None
    sentence: str


class Profile(TypedDict):
    """All of it.

    figures: by name, see `FIGURES`.
    examples: for some figures what they count, the first few.
    first, last: times of the first and the last interaction, odd ones left out.
    """

    files: list[FileProfile]
    left_out: list[LeftOut]
    figures: dict[str, float]
    examples: dict[str, list[str]]
    first: str | None
    last: str | None
    days: Days | None
    users_of_items: list[Band]
    champion: NotRequired[ChampionProfile]
    verdict: list[Outcome]
