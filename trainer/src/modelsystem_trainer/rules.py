"""DATA_RULES: bounds on the figures of the data's profile.

    DATA_RULES = rule; rule; …
    rule       = [stop | warn] FIGURE (>= | <=) NUMBER [%] [champion]
               | off FIGURE
               | off all

`stop` is the default. With `champion` the number is a multiple of the champion's figure. A figure
that DATA_RULES names keeps none of its default rules; the others keep theirs.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from modelsystem_shared.profile import FIGURES

_RULE = re.compile(
    r"(?:(?P<level>stop|warn)\s+)?(?P<figure>\w+)\s*(?P<sign>>=|<=)\s*"
    r"(?P<number>-?[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?)\s*(?P<percent>%)?"
    r"(?:\s*[*×]?\s*(?P<champion>champion))?",
    re.IGNORECASE,
)
_OFF = re.compile(r"off\s+(?P<figure>\w+)", re.IGNORECASE)
_DEFAULTS = """
stop uncommitted <= 0; stop rows >= 0.1 champion; stop interactions >= 0.1 champion;
stop users >= 0.1 champion; stop items >= 0.1 champion;
warn rows >= 0.7 champion; warn rows <= 2 champion; warn repeats <= 1.5 champion;
warn rejected <= 1 %; warn new_users <= 50 %; warn gone_users <= 50 %;
warn new_items <= 50 %; warn gone_items <= 50 %; warn timed_rows >= 0.5 champion;
warn days_gained >= 0; warn days_behind <= 2; warn odd_times <= 0;
warn largest_user <= 20 %; warn largest_item <= 50 %;
warn titles_fit >= 50 %; warn titled_items >= 0.5 champion;
warn copies <= 0; warn linked <= 0; warn lookalikes <= 0; warn odd_ids <= 0
"""


@dataclass(frozen=True)
class Rule:
    """A bound on a figure.

    level: `stop` or `warn`; sign: `>=` or `<=`.
    of_champion: whether `number` is a multiple of the champion's figure.
    """

    level: str
    figure: str
    sign: str
    number: float
    of_champion: bool = False

    def __str__(self) -> str:
        champion = " champion" if self.of_champion else ""
        return f"{self.level} {self.figure} {self.sign} {self.number:g}{champion}"


@dataclass(frozen=True)
class Rules:
    """All rules of a training, and the text that changes the defaults."""

    rules: Sequence[Rule]
    text: str = ""

    @classmethod
    def default(cls) -> "Rules":
        """Return the rules of a training without DATA_RULES."""
        return cls(_parsed(_DEFAULTS)[0])

    @classmethod
    def parse(cls, value: str) -> "Rules":
        """Read the value of DATA_RULES; a ValueError says what is wrong with it."""
        own, named = _parsed(value)
        defaults = [] if "all" in named else cls.default().rules
        kept = [rule for rule in defaults if rule.figure not in named]
        return cls([*kept, *own], " ".join(value.split()))

    def __str__(self) -> str:
        return self.text


def _parsed(value: str) -> tuple[list[Rule], set[str]]:
    """Return the rules in a text, and the figures that it names, those that are `off` as well."""
    rules: list[Rule] = []
    named: set[str] = set()
    for text in filter(None, map(str.strip, re.split(";", value))):
        if off := _OFF.fullmatch(text):
            named.add(_known(off["figure"].lower()))
        elif match := _RULE.fullmatch(text):
            rules.append(_rule(match))
            named.add(rules[-1].figure)
        else:
            raise ValueError(f"has {text!r}, which is not like `warn rows >= 0.7 champion`")
    if "all" in {rule.figure for rule in rules}:
        raise ValueError("bounds `all`: name a figure")
    return rules, named


def _rule(match: re.Match[str]) -> Rule:
    number = float(match["number"]) / (100 if match["percent"] else 1)
    level = (match["level"] or "stop").lower()
    return Rule(
        level, _known(match["figure"].lower()), match["sign"], number, bool(match["champion"])
    )


def _known(figure: str) -> str:
    """Return the name of a figure; `all` is one as well."""
    if figure in FIGURES or figure == "all":
        return figure
    near = difflib.get_close_matches(figure, FIGURES, 1)
    hint = f", did you mean {near[0]}?" if near else f": the figures are {', '.join(FIGURES)}"
    raise ValueError(f"names {figure!r}, which is no figure of the data's profile{hint}")
