"""The grammar of DATA_RULES."""

import pytest

from modelsystem_shared.profile import FIGURES
from modelsystem_trainer.rules import Rule, Rules


def of(text: str, figure: str) -> list[Rule]:
    """Return the rules of a figure, with DATA_RULES of this text."""
    return [rule for rule in Rules.parse(text).rules if rule.figure == figure]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("stop rows >= 0.7 champion", Rule("stop", "rows", ">=", 0.7, True)),
        ("rows>=0.7*champion", Rule("stop", "rows", ">=", 0.7, True)),
        ("WARN Rows <= 1e6", Rule("warn", "rows", "<=", 1e6)),
        ("  rows   >=  70 %  champion ;", Rule("stop", "rows", ">=", 0.7, True)),
        ("warn rows >= 100", Rule("warn", "rows", ">=", 100)),
    ],
)
def test_a_rule_bounds_a_figure(text: str, rule: Rule) -> None:
    """Absolute, or against the champion's; it stops unless it says warn."""
    assert of(text, "rows") == [rule]


def test_a_named_figure_loses_its_default_rules_and_others_keep_theirs() -> None:
    """Several rules may bound one figure."""
    text = "warn rows >= 0.9 champion; stop rows >= 0.5 champion"
    assert [str(rule) for rule in of(text, "rows")] == text.split("; ")
    others = [rule for rule in Rules.default().rules if rule.figure != "rows"]
    assert [rule for rule in Rules.parse(text).rules if rule.figure != "rows"] == others


def test_rules_can_be_turned_off() -> None:
    """One figure's, or all defaults."""
    assert len(Rules.default().rules) > 20
    assert not of("off rows", "rows")
    assert of("off rows", "users")
    assert not Rules.parse("off all").rules
    assert Rules.parse("off all; warn users >= 5").rules == [Rule("warn", "users", ">=", 5)]


def test_only_what_is_surely_wrong_stops_by_default() -> None:
    """An unfinished job, and a tenth of the champion's data."""
    assert [str(rule) for rule in Rules.default().rules if rule.level == "stop"] == [
        "stop uncommitted <= 0",
        *(f"stop {name} >= 0.1 champion" for name in ("rows", "interactions", "users", "items")),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("rows > 5", "has 'rows > 5', which is not like"),
        ("row >= 5", "names 'row', which is no figure .* did you mean rows"),
        ("zebra >= 5", "names 'zebra', .*: the figures are rows, "),
        ("rows >= many", "has 'rows >= many'"),
        ("rows >= 5 leader", "has 'rows >= 5 leader'"),
        ("forbid rows >= 5", "has 'forbid rows >= 5'"),
        ("off", "has 'off'"),
        ("all >= 5", "bounds `all`"),
    ],
)
def test_other_texts_are_refused(text: str, sentence: str) -> None:
    """The sentence shows the rule, and the nearest figure."""
    with pytest.raises(ValueError, match=sentence):
        Rules.parse(text)


def test_the_text_stands_for_the_rules() -> None:
    """The manifest has the text that was set; the defaults are none."""
    assert str(Rules.default()) == ""
    assert str(Rules.parse(" warn  rows >= 5 ")) == "warn rows >= 5"
    assert {rule.figure for rule in Rules.default().rules} <= FIGURES.keys()
