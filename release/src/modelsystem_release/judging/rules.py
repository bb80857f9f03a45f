"""The gate's rules, from a small YAML file; what it leaves out has a default.

questions: {floor: 30}    # fewer cannot decide anything
confidence: 0.95          # of all intervals
ndcg:                     # and recall, the same
  floor: 0.0              # the candidate's own
  popularity: 1.0         # times what popularity gets for the same questions; 0: no rule
  loss: 0.01              # allowed against the champion, absolute; 1: no rule
coverage: {floor: 0.0}    # the share of all items that anybody is shown
overlap: {floor: 0.0}     # with the champion's lists; low: users see much change
errors: {ceiling: 0.0}    # the share of requests
p50_ms: {ceiling: 100}
p99_ms: {ceiling: 500}
inconclusive: refuse      # or accept: the interval holds both an allowed and too large a loss
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from modelsystem_release.errors import UsageError
from modelsystem_release.values.yamlfile import read_text


@dataclass(frozen=True)
class Floor:
    """At least so much."""

    floor: float = 0.0


@dataclass(frozen=True)
class Ceiling:
    """At most so much."""

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
    inconclusive: str = field(default="refuse")


def load(path: Path | None) -> Rules:
    """Read a file of rules, or take the defaults.

    Raises:
        UsageError: naming each key that is unknown or has a wrong value.

    """
    if path is None:
        return Rules()
    try:
        given = YAML(typ="safe", pure=True).load(read_text(path)) or {}
    except YAMLError as error:
        raise UsageError(f"{path}: is not YAML") from error
    faults: list[str] = []
    rules = _merged(Rules(), given, "", faults)
    if rules.inconclusive not in ("refuse", "accept"):
        faults.append("inconclusive: is neither refuse nor accept")
    if not 0.5 <= rules.confidence < 1:
        faults.append("confidence: is not from 0.5 to below 1")
    if faults:
        raise UsageError(f"{path}: {'; '.join(faults)}")
    assert isinstance(rules, Rules)
    return rules


def _merged(default: Any, given: Any, where: str, faults: list[str]) -> Any:
    """Return a default with what is given instead; what is wrong stays as it was."""
    if not is_dataclass(default) or isinstance(default, type):
        is_number = isinstance(default, int | float)
        if isinstance(given, bool) or not isinstance(given, int | float if is_number else str):
            faults.append(f"{where}: {given!r} is not {'a number' if is_number else 'a word'}")
            return default
        return given
    if not isinstance(given, Mapping):
        faults.append(f"{where or 'rules'}: is not a map")
        return default
    names = [f.name for f in fields(default)]
    dot = f"{where}." if where else ""
    faults += [f"{dot}{key}: there is no such rule" for key in given if key not in names]
    own = {name: getattr(default, name) for name in names}
    merged = {
        name: _merged(value, given[name], dot + name, faults) if name in given else value
        for name, value in own.items()
    }
    return dataclasses.replace(default, **merged)
