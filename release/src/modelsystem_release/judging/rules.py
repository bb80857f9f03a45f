"""The gate's rules, from a small YAML file; a key that it leaves out has this default.

questions: {floor: 30}    # fewer do not suffice for a verdict
confidence: 0.95          # of all intervals
ndcg:                     # recall has the same keys
  floor: 0.0              # of the candidate itself
  popularity: 1.0         # times popularity's value for the same questions; 0: no such rule
  loss: 0.01              # allowed against the champion, absolute; 1: no such rule
coverage: {floor: 0.0}    # share of the candidate's items that are in any list
overlap: {floor: 0.0}     # with the champion's lists; a low one means that users see much change
errors: {ceiling: 0.0}    # share of requests
p50_ms: {ceiling: 100}
p99_ms: {ceiling: 500}
inconclusive: refuse      # or accept: the interval contains the allowed loss
data: refuse              # or accept: the candidate's data breaks a rule of its DATA_RULES
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from modelsystem_release.values import parse_yaml, read_text
from modelsystem_shared.errors import UsageError

RULES_HELP = (__doc__ or "").partition("\n\n")[2]


@dataclass(frozen=True)
class Floor:
    """At least this much."""

    floor: float = 0.0


@dataclass(frozen=True)
class Ceiling:
    """At most this much."""

    ceiling: float = 0.0


@dataclass(frozen=True)
class Quality:
    """See the module's docstring."""

    floor: float = 0.0
    popularity: float = 0.0
    loss: float = 1.0


@dataclass(frozen=True)
class Rules:
    """See the module's docstring."""

    questions: Floor = Floor(30)
    confidence: float = 0.95
    ndcg: Quality = Quality(popularity=1.0, loss=0.01)
    recall: Quality = Quality()
    coverage: Floor = Floor()
    overlap: Floor = Floor()
    errors: Ceiling = Ceiling()
    p50_ms: Ceiling = Ceiling(100)
    p99_ms: Ceiling = Ceiling(500)
    inconclusive: str = "refuse"
    data: str = "refuse"


Section = TypeVar("Section", bound=Rules | Quality | Floor | Ceiling)


def load_rules(path: Path | None) -> Rules:
    """Read a file of rules; None for the defaults.

    Raises:
        UsageError: with each key that is unknown or has a wrong value.

    """
    if path is None:
        return Rules()
    faults: list[str] = []
    rules = _merged(Rules(), parse_yaml(read_text(path), str(path)), "", faults)
    faults += [
        f"{name}: neither refuse nor accept"
        for name in ("inconclusive", "data")
        if getattr(rules, name) not in ("refuse", "accept")
    ]
    if not 0.5 <= rules.confidence < 1:
        faults.append("confidence: not from 0.5 to below 1")
    if faults:
        raise UsageError(f"{path}: {'; '.join(faults)}")
    return rules


def _merged(default: Section, changes: object, name: str, faults: list[str]) -> Section:
    """Return a section with the changes that a file makes; a faulty one is left out."""
    if not isinstance(changes, Mapping):
        faults.append(f"{name}: not a map")
        return default
    dot = f"{name}." if name else ""
    values = {f.name: getattr(default, f.name) for f in fields(default)}
    faults += [f"{dot}{key}: unknown rule" for key in changes if key not in values]
    known: dict[str, Any] = {  # each of its field's type: `_value` checks that
        key: _value(value, changes[key], dot + key, faults)
        for key, value in values.items()
        if key in changes
    }
    return replace(default, **known)


def _value(default: object, change: object, name: str, faults: list[str]) -> object:
    """Return the change if it is of the default's type, else the default."""
    if isinstance(default, Quality | Floor | Ceiling):
        return _merged(default, change, name, faults)
    is_number = isinstance(default, int | float)
    if isinstance(change, bool) or not isinstance(change, int | float if is_number else str):
        faults.append(f"{name}: {change!r} is not a {'number' if is_number else 'word'}")
        return default
    return change
