"""The gate's rules."""

from pathlib import Path

import pytest

from modelsystem_release.judging import RULES_HELP, load_rules
from modelsystem_shared.errors import UsageError


def test_the_documented_example_is_the_defaults(tmp_path: Path) -> None:
    """The help shows a file of all rules; it has the defaults."""
    path = tmp_path / "rules.yaml"
    path.write_text(RULES_HELP)
    assert load_rules(path) == load_rules(None)


def test_rules_of_the_file_replace_the_defaults(tmp_path: Path) -> None:
    """A file may hold one rule."""
    path = tmp_path / "rules.yaml"
    path.write_text("ndcg: {loss: 0.05}\np99_ms: {ceiling: 20}\n")
    rules = load_rules(path)
    assert (rules.ndcg.loss, rules.ndcg.popularity) == (0.05, 1.0)
    assert rules.p99_ms.ceiling == 20
    assert rules.errors.ceiling == 0


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("ndgc: {loss: 1}", "ndgc: unknown rule"),
        ("ndcg: {los: 1}", "ndcg.los: unknown rule"),
        ("ndcg: {loss: much}", "ndcg.loss: 'much' is not a number"),
        ("ndcg: 1", "ndcg: not a map"),
        ("errors: {ceiling: true}", "errors.ceiling: True is not a number"),
        ("inconclusive: maybe", "inconclusive: neither refuse nor accept"),
        ("data: maybe", "data: neither refuse nor accept"),
        ("confidence: 1.5", "confidence: not from 0.5 to below 1"),
        ("[", "is not YAML"),
        ("- a", "not a map"),
    ],
)
def test_a_wrong_rule_is_named(tmp_path: Path, text: str, fault: str) -> None:
    """A misspelt rule must not be ignored."""
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_rules(path)
    assert fault in str(caught.value)
