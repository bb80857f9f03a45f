"""The search for parameters: steps along one coordinate at a time, while validation improves.

It is deterministic, with bounds on the tries and on the fits. Weights of similarities and of a
user's history need no new fit: they are tried first, and again after all others.
"""

from collections.abc import Callable, Sequence, Set
from dataclasses import replace

from modelsystem_trainer.fit.parameters import Parameters

MOST_TRIES = 100
MOST_FITS = 14
MORE_TRIES = 10  # by another method
MORE_FITS = 5
_OF_HISTORY: dict[str, tuple[float, ...]] = {
    "fade": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0),
    "half_life": (0.0, 1825, 730, 365, 180, 90, 30, 7),
    "history_power": (0.0, 0.5, 1.0, 2.0),
}
GRIDS: dict[str, dict[str, tuple[float, ...]]] = {
    "ridge": {
        "r": (0.0, 0.25, 0.5, 0.75, 1.0),
        "s": (0.8, 1.0, 1.1, 1.2, 1.3, 1.4, 1.6, 1.8),
        "b": (-0.1, 0.0, 0.1, 0.2, 0.3, 0.4),
        "c": (-0.1, -0.05, 0.0, 0.05, 0.1, 0.15, 0.2, 0.3),
        **_OF_HISTORY,
        "lam": (5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560),
        "a": (0.0, 0.25, 0.5, 0.75, 1.0),
        "beta": (0.25, 0.5, 0.75, 1.0),
        "fit_power": (0.0, 0.5, 1.0),
    },
    "cooccurrence": {
        "r": (0.0, 0.25, 0.5, 0.75, 1.0),
        "s": (1.0, 1.25, 1.5, 1.75, 2.0, 2.5),
        "b": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
        **_OF_HISTORY,
        "c": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8),
        "a": (0.0, 0.25, 0.5, 0.75, 1.0),
        "fit_power": (0.0, 0.5, 1.0),
    },
}
GRIDS["dense"] = GRIDS["ridge"]
START = {
    "ridge": Parameters("ridge", lam=80, r=0.5, s=1.2),
    "dense": Parameters("dense", lam=80, r=0.5, s=1.2),
    "cooccurrence": Parameters.parse("method=cooccurrence"),
}
Tried = dict[Parameters, float]


class Search:
    """One search; `tried` holds the parameters that were tried, each with its quality."""

    def __init__(
        self, quality: Callable[[Parameters], float], on_share: Callable[[float], None]
    ) -> None:
        """Search by `quality`: higher is better; `on_share` gets the share of tries done."""
        self._quality, self._on_share = quality, on_share
        self._fits: set[tuple[object, ...]] = set()
        self._tries_left, self._fits_left = MOST_TRIES, MOST_FITS
        self.tried: Tried = {}

    def run(self, method: str, idle: Set[str] = frozenset()) -> None:
        """Climb from the start of a method until no step improves, or no tries are left.

        idle: names of coordinates without effect.
        """
        current, before = START[method], None
        self._measure(current)
        while current != before:
            before = current
            for name, values in GRIDS[method].items():
                if name not in idle:
                    current = self._along(name, values, current)

    def turn_to(self, method: str, names: Sequence[str]) -> None:
        """Try the best parameters by another method, and climb from there along a few names."""
        self._tries_left, self._fits_left = MORE_TRIES, MORE_FITS
        current = replace(best(self.tried), method=method)
        self._measure(current)
        for name in names:
            current = self._along(name, GRIDS[method][name], current)

    def _measure(self, parameters: Parameters) -> float:
        """Return the quality, or minus infinity if no try or fit is left for it."""
        is_fitted = parameters.of_fit in self._fits
        if parameters not in self.tried and self._tries_left and (is_fitted or self._fits_left):
            self._tries_left -= 1
            self._fits_left -= not is_fitted
            self._fits.add(parameters.of_fit)
            self.tried[parameters] = self._quality(parameters)
            self._on_share(1 - self._tries_left / MOST_TRIES)
        return self.tried.get(parameters, float("-inf"))

    def _along(self, name: str, values: tuple[float, ...], start: Parameters) -> Parameters:
        """Go up, or else down, along one coordinate as long as each step improves."""
        up = self._climb(name, values, start)
        return up if up != start else self._climb(name, values[::-1], start)

    def _climb(self, name: str, values: tuple[float, ...], start: Parameters) -> Parameters:
        current = start
        for value in values[values.index(getattr(start, name)) + 1 :]:
            further = replace(current, **{name: value})  # type: ignore[arg-type]  # every coordinate is a float
            if self._measure(further) <= self._measure(current):
                break
            current = further
        return current


def best(tried: Tried) -> Parameters:
    """Return the parameters of the highest quality; of equal ones the first that was tried."""
    return max(tried, key=lambda parameters: tried[parameters])
