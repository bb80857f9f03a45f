"""The gate's rules."""

from pathlib import Path

import pytest

from modelsystem_release.errors import UsageError
from modelsystem_release.judging import rules


def test_the_documented_example_is_the_defaults(tmp_path: Path) -> None:
    """What the help shows can be put into a file, and says what holds without one."""
    example = (rules.__doc__ or "").partition("\n\n")[2]
    path = tmp_path / "rules.yaml"
    path.write_text(example)
    assert rules.load(path) == rules.load(None)


def test_what_is_given_is_taken_and_the_rest_stays(tmp_path: Path) -> None:
    """A file may hold one rule."""
    path = tmp_path / "rules.yaml"
    path.write_text("ndcg: {loss: 0.05}\np99_ms: {ceiling: 20}\n")
    found = rules.load(path)
    assert (found.ndcg.loss, found.ndcg.popularity) == (0.05, 1.0)
    assert found.p99_ms.ceiling == 20
    assert found.errors.ceiling == 0


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("ndgc: {loss: 1}", "ndgc: there is no such rule"),
        ("ndcg: {los: 1}", "ndcg.los: there is no such rule"),
        ("ndcg: {loss: much}", "ndcg.loss: 'much' is not a number"),
        ("ndcg: 1", "ndcg: is not a map"),
        ("errors: {ceiling: true}", "errors.ceiling: True is not a number"),
        ("inconclusive: maybe", "inconclusive: is neither refuse nor accept"),
        ("confidence: 1.5", "confidence: is not from 0.5 to below 1"),
        ("[", "is not YAML"),
        ("- a", "rules: is not a map"),
    ],
)
def test_a_wrong_rule_is_named(tmp_path: Path, text: str, fault: str) -> None:
    """A rule that is misspelt must not be a rule that is not there."""
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        rules.load(path)
    assert fault in str(caught.value)
