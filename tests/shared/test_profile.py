"""The profile's figures as text."""

import pytest

from modelsystem_shared import profile
from modelsystem_shared.profile import Profile

EMPTY: Profile = {
    "files": [],
    "left_out": [],
    "figures": {"rows": 1234567, "titles_fit": 0.1250},
    "examples": {},
    "first": None,
    "last": None,
    "days": None,
    "users_of_items": [],
    "verdict": [],
}


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("rows", 1234567, "1,234,567"),
        ("titles_fit", 0.125, "12.5 %"),
        ("largest_user", 0.000049, "0 %"),
        ("new_users", 1, "100 %"),
        ("repeats", 1.2512, "1.25"),
        ("days_behind", -2, "-2 days"),
        ("rows", None, "–"),
        ("of_a_later_version", 0.5, "0.5"),
    ],
)
def test_figures_are_written_for_people(name: str, value: float | None, text: str) -> None:
    """With their unit; a figure that is not known is a dash."""
    assert profile.text_of(name, value) == text


def test_known_figures_are_listed_in_one_order() -> None:
    """Beside those of another profile."""
    assert [row[:3] for row in profile.rows_of_figures(EMPTY, {"rows": 5.0, "users": 2.0})] == [
        ("rows", "1,234,567", "5"),
        ("users", "–", "2"),
        ("titles_fit", "12.5 %", "–"),
    ]


def test_a_profile_without_anything_has_its_lines() -> None:
    """No data is too little for a summary."""
    assert len(profile.lines(EMPTY)) == 10
    assert "; no times; " in profile.summary(EMPTY)
