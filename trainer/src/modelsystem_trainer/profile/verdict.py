"""The verdict: which rules the profile keeps, and a sentence for each that it breaks."""

import logging
from collections.abc import Mapping, Sequence

from modelsystem_shared.errors import DataError
from modelsystem_shared.profile import FIGURES, Outcome, Profile, broken, summary, text_of
from modelsystem_trainer.rules import Rule

log = logging.getLogger(__name__)


def judged(
    rules: Sequence[Rule],
    figures: Mapping[str, float],
    champion: Mapping[str, float],
    examples: Mapping[str, Sequence[str]],
) -> list[Outcome]:
    """Return the outcome of every rule.

    champion: the champion's figures; empty without one.
    examples: what a figure counts, for the sentence.
    """
    return [_outcome(rule, figures, champion, examples) for rule in rules]


def check(profile: Profile) -> None:
    """Log the profile and the rules that are broken with a warning.

    Raises:
        DataError: a rule is broken whose level is `stop`.

    """
    log.info("Data: %s", summary(profile))
    stops = [outcome for outcome in broken(profile) if outcome["level"] == "stop"]
    for outcome in broken(profile):
        if outcome["level"] == "warn":
            log.warning("Data: %s (DATA_RULES: %s)", outcome["sentence"], outcome["rule"])
    if stops:
        sentences = [f"{outcome['sentence']} (rule: {outcome['rule']})" for outcome in stops]
        raise DataError(f"the data breaks DATA_RULES: {'; '.join(sentences)}")


def _outcome(
    rule: Rule,
    figures: Mapping[str, float],
    champion: Mapping[str, float],
    examples: Mapping[str, Sequence[str]],
) -> Outcome:
    value, theirs = figures.get(rule.figure), champion.get(rule.figure)
    outcome: Outcome = {
        "rule": str(rule),
        "figure": rule.figure,
        "level": rule.level,
        "is_kept": None,
        "sentence": "",
    }
    if value is None:
        return outcome | {"sentence": f"{rule.figure} is not known"}
    if rule.of_champion and theirs is None:
        return outcome | {"sentence": f"{rule.figure} of a champion is not known"}
    bound = rule.number * (theirs or 0) if rule.of_champion else rule.number
    is_kept = value >= bound if rule.sign == ">=" else value <= bound
    named = ", ".join(examples.get(rule.figure, ())) if not is_kept else ""
    sentence = _sentence(rule, value, bound, theirs) + (f": {named}" if named else "")
    return outcome | {"is_kept": is_kept, "sentence": sentence}


def _sentence(rule: Rule, value: float, bound: float, theirs: float | None) -> str:
    """Return the figure, its bound, and what it was for the champion."""
    figure = FIGURES[rule.figure]
    least = "at least" if rule.sign == ">=" else "at most"
    champion = "" if theirs is None else f", for the champion {text_of(rule.figure, theirs)}"
    return (
        f"{rule.figure} is {figure.text(value)}, {least} {figure.text(bound)} is allowed{champion} "
        f"({figure.meaning})"
    )
