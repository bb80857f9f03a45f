"""What a fit can be told; which of it is best is chosen on validation data."""

import re
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

METHODS = ("ridge", "cooccurrence", "dense")
_MOST = {"lam": 1e6, "half_life": 1e5}


@dataclass(frozen=True)
class Parameters:
    """The symbols of the formulas in `ridge` and its neighbours, and in `confidence`.

    method: `ridge`; `cooccurrence`, which is quicker and less accurate; or `dense`, which is
        ridge with all items as neighbours, for a small catalogue.
    a: how much a user with many items counts less than one with few.
    lam, beta: the ridge, and how it grows with an item's popularity (not of co-occurrence).
    e: how much popularity counts less among candidates (ridge only).
    b, c: how much the popularity of source and target counts less in a similarity.
    s: the power that similarities are raised to.
    r: how much a source with strong neighbours counts less.
    fit_power, history_power: the power that ratings or weights are raised to in the fit, and in
        what a user is shown; 0: all count alike.
    fade: how much each of a user's items counts less the more later ones there are.
    half_life: days after which an item counts half, seen from the user's last one; 0: never.
    """

    method: str = "ridge"
    a: float = 0.5
    lam: float = 100.0
    beta: float = 0.5
    e: float = 0.3
    b: float = 0.1
    c: float = 0.0
    s: float = 1.0
    r: float = 0.0
    fit_power: float = 0.0
    history_power: float = 0.0
    fade: float = 0.0
    half_life: float = 0.0

    @classmethod
    def parse(cls, value: str) -> "Parameters":
        """Read `method=ridge,a=0.5,lam=160`; what is not given has its default."""
        pairs = [pair.strip().partition("=") for pair in value.split(",")]
        given = {name.strip(): text.strip() for name, _, text in pairs}
        if len(given) != len(pairs) or not given.keys() <= {f.name for f in fields(cls)}:
            raise ValueError(f"is not like {cls()}, each at most once")
        method = given.pop("method", METHODS[0])
        if method not in METHODS:
            raise ValueError(f"has a method that is not one of {', '.join(METHODS)}")
        start: dict[str, Any] = {"b": 0.7, "c": 0.3, "s": 1.25} if method == "cooccurrence" else {}
        return cls(method, **(start | {name: _number(name, text) for name, text in given.items()}))

    @property
    def of_fit(self) -> tuple[object, ...]:
        """What raw similarities depend on; the rest only weighs them, or a user's history."""
        common = (self.method, self.fit_power, self.a)
        if self.method == "cooccurrence":
            return *common, self.c
        return *common, self.lam, self.beta, self.e

    def of_more(self, times: float) -> "Parameters":
        """Return what so many times as many users need: G grows with them, and so must λ.

        It has four digits, so that people can write it down and get the same fit.
        """
        if self.method == "cooccurrence":
            return self
        return replace(self, lam=float(f"{self.lam * times:.4g}"))

    def __str__(self) -> str:
        return ",".join(
            f"{name}={value if isinstance(value, str) else format(value, 'g')}"
            for name, value in asdict(self).items()
        )


def _number(name: str, text: str) -> float:
    most = _MOST.get(name, 10.0)
    if not re.fullmatch(r"-?\d+(\.\d+)?", text) or abs(float(text)) > most:
        raise ValueError(f"has {name}={text}, which is not a number up to {most:g}")
    if name in ("s", "lam") and float(text) <= 0:
        raise ValueError(f"has {name}={text}, which must be above 0")
    if name not in ("b", "c") and float(text) < 0:
        raise ValueError(f"has {name}={text}, which must not be below 0")
    return float(text)
