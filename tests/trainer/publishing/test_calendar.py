"""The calendar of interactions by day."""

from xml.etree import ElementTree as ET

import pytest

from modelsystem_trainer.publishing import calendar

SVG = "{http://www.w3.org/2000/svg}"


def squares(drawing: bytes) -> list[ET.Element]:
    return list(ET.fromstring(drawing).iter(f"{SVG}rect"))


def test_each_day_is_a_square_and_more_rows_are_darker() -> None:
    """A day without rows is empty, and so seen at once."""
    drawn = squares(calendar.draw("Days", {"first": "2018-05-07", "rows": [1, 0, 5, 9, 40]}))
    assert [square.get("fill") == "none" for square in drawn] == [False, True, False, False, False]
    shades = [float(square.get("fill-opacity", "0")) for square in drawn]
    assert shades[0] < shades[2] < shades[4] == 1
    assert len({square.get("x") for square in drawn}) == 1, "Monday to Friday of one week"
    assert len({square.get("y") for square in drawn}) == 5


def test_each_year_has_a_band() -> None:
    """Days of the same date in two years are above each other, and the years are labels."""
    drawing = calendar.draw("Days", {"first": "2017-01-01", "rows": [1] * 730})
    root = ET.fromstring(drawing)
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"2017", "2018"} <= set(texts)
    assert len(squares(drawing)) == 730
    height = float(root.get("height", "0"))
    assert all(float(square.get("y", "0")) < height for square in squares(drawing))


@pytest.mark.parametrize("rows", [[0], [1], [7] * 3, [0, 10**9]])
def test_any_days_can_be_drawn(rows: list[int]) -> None:
    """One day, equal days, huge ones; always the same bytes."""
    days = {"first": "2016-02-29", "rows": rows}
    drawing = calendar.draw("Days & nights", days)  # type: ignore[arg-type]  # as Days
    assert drawing == calendar.draw("Days & nights", days)  # type: ignore[arg-type]  # as Days
    assert ET.fromstring(drawing).get("aria-label") == "Days & nights"
    assert b"nan" not in drawing
