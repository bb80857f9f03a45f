"""What a search may try: the values of each parameter, and where it starts.

Values are steps of a grid: λ doubles, so that a search from 5 to 163,840 has sixteen of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from modelsystem_trainer.fit import Parameters

Grid = Mapping[str, tuple[float, ...]]
_OF_HISTORY: dict[str, tuple[float, ...]] = {
    "fade": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0),
    "half_life": (0.0, 1825, 730, 365, 180, 90, 30, 7),
    "history_power": (0.0, 0.5, 1.0, 2.0),
}
_OF_LOW_RANK: dict[str, tuple[float, ...]] = {
    "w": (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0),
    "rank": (8, 16, 32, 64),
    "h": (0.0, 0.25, 0.5),
}
_RIDGE: Grid = {
    "r": (0.0, 0.25, 0.5, 0.75, 1.0),
    "s": (0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.6, 1.8),
    "b": (-0.4, -0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4),
    "c": (-0.1, -0.05, 0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5),
    **_OF_HISTORY,
    **_OF_LOW_RANK,
    "lam": tuple(5.0 * 2**n for n in range(16)),
    "a": (0.0, 0.25, 0.5, 0.75, 1.0),
    "beta": (0.25, 0.5, 0.75, 1.0),
    "fit_power": (0.0, 0.5, 1.0),
}
GRIDS: Mapping[str, Grid] = {
    "ridge": _RIDGE,
    "dense": _RIDGE,
    "cooccurrence": {
        "r": (0.0, 0.25, 0.5, 0.75, 1.0),
        "s": (1.0, 1.25, 1.5, 1.75, 2.0, 2.5),
        "b": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
        **_OF_HISTORY,
        **_OF_LOW_RANK,
        "c": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8),
        "a": (0.0, 0.25, 0.5, 0.75, 1.0),
        "fit_power": (0.0, 0.5, 1.0),
    },
}
_WEAK = Parameters(lam=160, c=-0.05, r=0.5, s=1.2)
_STRONG = Parameters(a=1.0, lam=1280, b=-0.1, c=0.2, s=1.1, r=1.0)
STARTS: Mapping[str, tuple[Parameters, ...]] = {
    "ridge": (_WEAK, _STRONG),
    "dense": (replace(_WEAK, method="dense"), replace(_STRONG, method="dense")),
    "cooccurrence": (Parameters.parse("method=cooccurrence"),),
}


@dataclass(frozen=True)
class Start:
    """Parameters to begin from, and why; `champion`: the digest of the model that has them."""

    name: str
    parameters: Parameters
    champion: str | None = None


def starts_of(method: str) -> list[Start]:
    """Return the starts that every search of a method has."""
    names = ("a weak ridge", "a strong ridge") if method in ("ridge", "dense") else ("the default",)
    return [Start(name, p) for name, p in zip(names, STARTS[method], strict=True)]


def on_grid(parameters: Parameters) -> Parameters:
    """Return the parameters with each value replaced by the nearest one of the grid."""
    grid = GRIDS[parameters.method]
    own = {f.name: getattr(parameters, f.name) for f in fields(Parameters) if f.name in grid}
    nearest = {
        name: min(grid[name], key=lambda step: abs(step - value)) for name, value in own.items()
    }
    return replace(parameters, **nearest)  # type: ignore[arg-type]  # all in a grid are numbers
