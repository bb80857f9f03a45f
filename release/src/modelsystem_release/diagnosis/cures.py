"""What to do about a fault, by its sentence: the rows of docs/operations.md, as `cures.toml`."""

import re
import tomllib
from functools import cache
from importlib import resources
from typing import NamedTuple


class Cure(NamedTuple):
    """The sentences of a fault, and what to do about it."""

    messages: tuple[str, ...]
    action: str

    def row(self) -> str:
        """Return the row of the runbook."""
        messages = ", ".join(f"`{message}`" for message in self.messages)
        return f"| {messages} | {self.action} |"


@cache
def cures() -> tuple[Cure, ...]:
    """Return all rows, the most exact messages first."""
    text = (resources.files(__package__) / "cures.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["cures"]
    return tuple(Cure(tuple(row["messages"]), row["action"]) for row in rows)


def cure(sentence: str) -> str:
    """Return what to do about a fault; empty if the runbook does not have its sentence."""
    return next((known.action for known in cures() if _pattern(known).fullmatch(sentence)), "")


@cache
def _pattern(known: Cure) -> re.Pattern[str]:
    """Return what the messages of a row match; the text may end, or go on, where `…` stands."""
    alternatives = (
        ".*".join(map(re.escape, message.split("…"))) + ("" if message.endswith("…") else ".*")
        for message in known.messages
    )
    return re.compile("|".join(alternatives), re.DOTALL)
