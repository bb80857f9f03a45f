"""The outcome of one rule."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """A rule, whether it is kept, and the sentence that says why."""

    name: str
    passed: bool
    reason: str
