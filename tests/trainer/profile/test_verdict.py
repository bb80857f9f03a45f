"""Which rules a profile keeps, and the sentences of those that it breaks."""

import logging

import pytest

from modelsystem_shared.errors import DataError
from modelsystem_shared.profile import Outcome, Profile
from modelsystem_trainer.profile import check, verdict
from modelsystem_trainer.rules import Rules


def outcome(text: str, value: float | None, champion: float | None = None) -> Outcome:
    """Judge one rule by one figure."""
    (rule,) = Rules.parse(f"off all; {text}").rules
    figures = {} if value is None else {rule.figure: value}
    theirs = {} if champion is None else {rule.figure: champion}
    (judged,) = verdict.judged([rule], figures, theirs, {"copies": ["b.csv"]})
    return judged


@pytest.mark.parametrize(
    ("text", "value", "champion", "is_kept"),
    [
        ("rows >= 5", 5, None, True),
        ("rows >= 5", 4, None, False),
        ("rows <= 5", 6, None, False),
        ("rows >= 0.7 champion", 70, 100, True),
        ("rows >= 0.7 champion", 69, 100, False),
        ("rows <= 2 champion", 201, 100, False),
        ("rows >= 0.7 champion", 70, None, None),
        ("titles_fit >= 50 %", None, None, None),
        ("odd_times <= 0.5 champion", 1, 0, False),
    ],
)
def test_a_rule_is_kept_broken_or_without_a_figure(
    text: str, value: float | None, champion: float | None, is_kept: bool | None
) -> None:
    """The bound itself is allowed; a figure that is not known breaks nothing."""
    assert outcome(text, value, champion)["is_kept"] is is_kept


def test_the_sentence_has_figure_bound_and_champion() -> None:
    """And what the figure means, and the first of what it counts."""
    assert outcome("rows >= 0.7 champion", 15_000, 30_000)["sentence"] == (
        "rows is 15,000, at least 21,000 is allowed, for the champion 30,000 (rows that were read)"
    )
    assert outcome("new_users <= 50 %", 1.0)["sentence"] == (
        "new_users is 100 %, at most 50 % is allowed "
        "(share of the users that the champion does not have)"
    )
    assert outcome("copies <= 0", 1)["sentence"].endswith(
        "(files that are copies of others): b.csv"
    )


def profile_with(*outcomes: Outcome) -> Profile:
    return {
        "files": [],
        "left_out": [],
        "figures": {"rows": 1},
        "examples": {},
        "first": None,
        "last": None,
        "days": None,
        "users_of_items": [],
        "verdict": list(outcomes),
    }


def test_a_broken_rule_stops_or_warns(caplog: pytest.LogCaptureFixture) -> None:
    """All that stop are in one sentence; what only warns is in the log."""
    warns = outcome("warn rows >= 5", 1)
    stops = [outcome("stop rows >= 5", 1), outcome("stop users >= 7", 2)]
    with caplog.at_level(logging.INFO):
        check(profile_with(warns, outcome("rows >= 5", 9)))
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]
    assert caplog.messages[1].endswith("(DATA_RULES: warn rows >= 5)")
    with pytest.raises(DataError) as caught:
        check(profile_with(warns, *stops))
    assert str(caught.value) == (
        "the data breaks DATA_RULES: "
        "rows is 1, at least 5 is allowed (rows that were read) (rule: stop rows >= 5); "
        "users is 2, at least 7 is allowed (users) (rule: stop users >= 7)"
    )
