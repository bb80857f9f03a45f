"""The parameters of a fit; the best ones are chosen on validation data."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

MOST_RANK = 64
METHODS = ("ridge", "cooccurrence", "dense")
_MOST = {"lam": 1e6, "half_life": 1e5, "w": 1e3, "rank": MOST_RANK, "neighbours": 1e4}
_WHOLE = ("rank", "neighbours")
_DEFAULTS = {"cooccurrence": {"b": 0.7, "c": 0.3, "s": 1.25}}


@dataclass(frozen=True)
class Parameters:
    """The symbols of the formulas in `ridge`, `dense`, `cooccurrence`, `weighing`, `confidence`.

    method: `ridge`; `cooccurrence`: quicker and less accurate; `dense`: ridge with all items as
        neighbours, for a small catalogue.
    a: damping of users with many items.
    lam, beta: the ridge, and how it grows with an item's popularity (not for co-occurrence).
    e: damping of popularity among candidates (ridge only).
    b, c: damping of the popularity of source and target in a similarity.
    s: the power of similarities.
    r: damping of a source with strong neighbours.
    fit_power, history_power: the power of ratings or weights in the fit and in a user's history;
        0: all count alike.
    fade: damping of an item in a user's history by the number of later items.
    half_life: days before the user's last item after which an item counts half; 0: no decay.
    w: weight of the low-rank term beside the similarities; 0: without it.
    rank, h: directions of that term, at most 64, and how much it favours popular items.
    neighbours: K, the neighbours of each item (not for dense).
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
    w: float = 0.0
    rank: int = 16
    h: float = 0.5
    neighbours: int = 100

    @classmethod
    def parse(cls, value: str) -> "Parameters":
        """Read `method=ridge,a=0.5,lam=160`; a parameter that is missing has its default."""
        pairs = [pair.strip().partition("=") for pair in value.split(",")]
        texts = {name.strip(): text.strip() for name, _, text in pairs}
        if len(texts) != len(pairs) or not texts.keys() <= {f.name for f in fields(cls)}:
            raise ValueError(f"is not like {cls()}, each at most once")
        method = texts.pop("method", METHODS[0])
        if method not in METHODS:
            raise ValueError(f"has a method that is not one of {', '.join(METHODS)}")
        defaults = _DEFAULTS.get(method, {})
        own = defaults | {name: _number(name, text) for name, text in texts.items()}
        return cls(method, **own)  # type: ignore[arg-type]  # `_number` knows which are whole

    @classmethod
    def of(cls, values: Mapping[str, float | str]) -> "Parameters":
        """Read what a manifest has; a parameter that its version did not know has its default."""
        known = {f.name for f in fields(cls)}
        own = {name: value for name, value in values.items() if name in known}
        return cls(**own)  # type: ignore[arg-type]  # of the fields' types, as the manifest has them

    @property
    def of_fit(self) -> tuple[object, ...]:
        """Those that unweighed similarities depend on; the others are weights only."""
        common = (self.method, self.fit_power, self.a)
        if self.method == "cooccurrence":
            return *common, self.c, self.neighbours
        if self.method == "ridge":
            return *common, self.lam, self.beta, self.e, self.neighbours
        return *common, self.lam, self.beta

    @property
    def of_family(self) -> tuple[object, ...]:
        """Those of `of_fit` but λ and β: fits of the same ones share most of their cost."""
        own = replace(self, lam=1.0, beta=0.0)
        return own.of_fit

    def scaled(self, factor: float) -> "Parameters":
        """Return the parameters for `factor` times as many users: λ grows as G does.

        λ has four digits: what the log shows gives the same fit again.
        """
        if self.method == "cooccurrence":
            return self
        return replace(self, lam=float(f"{self.lam * factor:.4g}"))

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
    if name not in _WHOLE:
        return float(text)
    if float(text) % 1 or float(text) < 1:
        raise ValueError(f"has {name}={text}, which must be a whole number from 1")
    return int(text.partition(".")[0])
