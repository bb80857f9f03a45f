"""The search for parameters: steps along one coordinate at a time, from several starts.

It is deterministic, with bounds on the tries and on the fits. Weights of similarities and of a
user's history need no new fit: after each fit they are tuned again, so that fits are compared by
the best that each can give. Then what makes the model larger or less simple has to earn its place:
more neighbours, and the low-rank term, are taken if they gain more than one standard error of the
difference, user by user. Of parameters that are as good as the best, those win that show more of
the catalogue.
"""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from itertools import product
from math import sqrt

import numpy as np

from modelsystem_shared.numeric.arrays import Float64s
from modelsystem_trainer.fit import Parameters
from modelsystem_trainer.search.space import GRIDS, Start, on_grid

MANY_ITEMS = 20_000
CLIMBED_NEIGHBOURS = 100  # more cost their cube, and hardly change which parameters are best
_TRIES_WITH_TERM = 3  # what a try with the term costs, in tries without
_TIE = 0.002  # of the NDCG
_CLIMB_SHARE = 0.75  # of the tries, for the climbs
_FIRST_SHARE = 0.7  # of the fits, for the climb from the best start
_FITS_OF_NEIGHBOURS = 3  # kept for a larger number of neighbours
_FIT_NAMES = ("lam", "a", "beta", "fit_power", "c")
_TERM = ("w", "rank", "h")
_RETUNED = ("s", "b", "c", "w")  # after each fit, before fits are compared
_PAIRS = (("b", "c"), ("s", "r"))


@dataclass(frozen=True)
class Budget:
    """The most fits and tries of a search; one with the low-rank term counts as several."""

    fits: int
    tries: int

    @classmethod
    def of(cls, n_items: int) -> "Budget":
        """Return more fits for fewer items, since each costs less."""
        return cls(fits=14 if n_items > MANY_ITEMS else 20, tries=250)


@dataclass(frozen=True)
class Measured:
    """What the validation users got from some parameters.

    users: each user's NDCG@20, a mean over draws.
    coverage: the share of items that are shown to anyone; novelty: see `evaluation.metrics`.
    """

    users: Float64s
    coverage: float
    novelty: float

    @property
    def ndcg(self) -> float:
        """The mean NDCG@20."""
        return float(self.users.mean()) if len(self.users) else 0.0


@dataclass(frozen=True)
class Tried:
    """One try: what it gave, how many fits there were until then, and from which start it came."""

    measured: Measured
    fits: int
    path: str


NOTHING = Tried(Measured(np.zeros(0), 0.0, 0.0), 0, "")  # if there are no users to measure on


def standard_error(differences: Float64s) -> float:
    """Return the standard error of the mean of differences, one for each user."""
    if len(differences) < 2:  # no variance
        return float("inf")
    return float(differences.std(ddof=1) / sqrt(len(differences)))


class Search:
    """One search; `tried` holds the parameters that were tried."""

    def __init__(
        self,
        measure: Callable[[Parameters], Measured],
        budget: Budget,
        idle: Set[str] = frozenset(),
        on_share: Callable[[float], None] = lambda _: None,
    ) -> None:
        """Search by `measure`; `on_share` gets the share of the budget that is used.

        idle: names of coordinates without effect.
        """
        self._measure, self._budget = measure, budget
        self._idle, self._on_share = set(idle) | set(_TERM), on_share
        self._fits: set[tuple[object, ...]] = set()
        self._fits_allowed, self._tries_allowed = budget.fits, budget.tries
        self._tries = 0
        self._path = ""
        self.tried: dict[Parameters, Tried] = {}

    @property
    def fits(self) -> int:
        """The number of different fits so far."""
        return len(self._fits)

    def run(self, starts: Sequence[Start], neighbours: Sequence[int]) -> Parameters:
        """Return the best parameters.

        starts: of one method or several; each has its number of tries.
        neighbours: the numbers of neighbours that are allowed, ascending.
        """
        climbed = min(neighbours[0], CLIMBED_NEIGHBOURS)
        has_more = neighbours[-1] > climbed and any(s.parameters.method != "dense" for s in starts)
        kept = _FITS_OF_NEIGHBOURS if has_more else 0
        self._climb_from(starts, climbed, self._budget.fits - kept)
        self._fits_allowed, self._tries_allowed = self._budget.fits, self._budget.tries
        best = self._widen(self._best(), neighbours, climbed)
        if not best.w:
            best = self._tune(self._add_term(best))
        best = self._of_widest_coverage(best)
        self._on_share(1.0)
        return best

    def _climb_from(self, starts: Sequence[Start], neighbours: int, fits: int) -> None:
        """Tune the weights of each start, then climb from the best one, then from the others.

        The low-rank term is tried first: a ridge beside it is weaker than one that stands alone.
        """
        self._fits_allowed = fits
        self._tries_allowed = round(self._budget.tries * _CLIMB_SHARE)
        leaders = []
        for start in starts:
            self._path = start.name
            parameters = on_grid(replace(start.parameters, neighbours=neighbours))
            leaders.append((start.name, self._tune(parameters)))
        leaders.sort(key=lambda leader: -self._ndcg(leader[1]))  # stable
        self._fits_allowed = round(fits * _FIRST_SHARE)
        with_term = self._add_term(leaders[0][1])
        term = {name: getattr(with_term, name) for name in _TERM} if with_term.w else {}
        for name, parameters in leaders:
            self._path = name
            self._climb(replace(parameters, **term))
            self._fits_allowed = fits

    def _climb(self, start: Parameters) -> Parameters:
        """Step along the coordinates of the fit as long as that improves."""
        current, before = self._tune(start), None
        names = [name for name in _FIT_NAMES if self._may_step(name, current)]
        while current != before:
            before = current
            for name in names:
                current = self._along(name, current, self._retune)
            current = self._tune(current)
        return current

    def _may_step(self, name: str, p: Parameters) -> bool:
        """Whether a coordinate of the fit has a grid, and an effect."""
        is_weight = name == "c" and p.method != "cooccurrence"
        return name in GRIDS[p.method] and name not in self._idle and not is_weight

    def _tune(self, start: Parameters) -> Parameters:
        """Step along all weights, and pairs of them, as long as that improves."""
        current, before = start, None
        self._ndcg(start)
        weights = [name for name in GRIDS[start.method] if self._is_weight(name, start)]
        while current != before and self.tried.get(current):
            before = current
            for name in weights:
                current = self._along(name, current, lambda p: p)
            current = self._in_pairs(current)
        return current

    def _retune(self, start: Parameters) -> Parameters:
        """Step once along each of the weights that a fit changes most."""
        current = start
        for name in _RETUNED:
            if self._is_weight(name, start):
                current = self._along(name, current, lambda p: p)
        return current

    def _is_weight(self, name: str, p: Parameters) -> bool:
        is_of_fit = name in _FIT_NAMES and (name != "c" or p.method == "cooccurrence")
        return not is_of_fit and name not in self._idle

    def _in_pairs(self, start: Parameters) -> Parameters:
        """Try steps of two weights at once, which a step of one of them can hide."""
        best = start
        for names in _PAIRS:
            for steps in product((1, -1), repeat=2):
                moved: Parameters | None = start
                for name, step in zip(names, steps, strict=True):
                    is_free = self._is_weight(name, start)
                    moved = moved and (self._stepped(name, step, moved) if is_free else None)
                if moved and self._ndcg(moved) > self._ndcg(best):
                    best = moved
        return best

    def _along(
        self, name: str, start: Parameters, tuned: Callable[[Parameters], Parameters]
    ) -> Parameters:
        """Go up, or else down, along one coordinate as long as each step improves."""
        for step in (1, -1):
            current = start
            while (further := self._stepped(name, step, current)) is not None:
                if self._ndcg(further) == float("-inf"):
                    break
                further = tuned(further)
                if self._ndcg(further) <= self._ndcg(current):
                    break
                current = further
            if current != start:
                return current
        return start

    def _stepped(self, name: str, step: int, p: Parameters) -> Parameters | None:
        values = GRIDS[p.method].get(name)
        if values is None:  # the method has no such coordinate
            return None
        place = values.index(getattr(p, name)) + step
        if not 0 <= place < len(values):
            return None
        return replace(p, **{name: values[place]})  # type: ignore[arg-type]  # every coordinate is a float

    def _widen(self, best: Parameters, neighbours: Sequence[int], climbed: int) -> Parameters:
        """Return the parameters with as many neighbours as are set, or as earn their place."""
        if best.method == "dense" or neighbours[-1] <= climbed:
            return best
        self._path = "more neighbours"
        current = best
        for number in neighbours:
            wider = replace(current, neighbours=number)
            if number <= climbed or self._ndcg(wider) == float("-inf"):
                continue
            wider = self._along("lam", self._tune(wider), self._retune)
            if len(neighbours) == 1 or self._is_clearly_better(wider, current):
                current = wider
        return current

    def _add_term(self, best: Parameters) -> Parameters:
        """Return the parameters with the low-rank term if it earns its place."""
        self._path = "low-rank term"
        self._idle -= set(_TERM)
        middle = [replace(best, w=1.0, h=h) for h in (0.0, 0.5)]
        current = max(middle, key=self._ndcg)
        before = None
        while current != before and current.w:
            before = current
            for name in ("w", "rank", "h"):
                current = self._along(name, current, lambda p: p)
        if current.w and self._is_clearly_better(current, best):
            return current
        self._idle |= set(_TERM)
        return best

    def _of_widest_coverage(self, best: Parameters) -> Parameters:
        """Return what shows most of the catalogue among what is as good, and no larger."""
        equal = [
            p
            for p in self.tried
            if (p.method, p.neighbours) == (best.method, best.neighbours)
            and (best.w or not p.w)
            and self._is_as_good(p, best)
        ]
        return max([best, *equal], key=lambda p: self.tried[p].measured.coverage)

    def _is_as_good(self, p: Parameters, best: Parameters) -> bool:
        """Whether a loss is within one standard error, and too small to matter."""
        losses = self.tried[best].measured.users - self.tried[p].measured.users
        bound = min(standard_error(losses), _TIE * self._ndcg(best))
        return bool(len(losses)) and float(losses.mean()) <= bound

    def _is_clearly_better(self, new: Parameters, old: Parameters) -> bool:
        if new not in self.tried or old not in self.tried:
            return False
        gains = self.tried[new].measured.users - self.tried[old].measured.users
        return bool(gains.mean() > standard_error(gains)) if len(gains) else False

    def _best(self) -> Parameters:
        """Return the parameters of the highest NDCG; of equal ones the first that was tried.

        They have no low-rank term if it has not earned its place.
        """
        return max((p for p in self.tried if not p.w or "w" not in self._idle), key=self._ndcg)

    def _ndcg(self, p: Parameters) -> float:
        """Return the NDCG, or minus infinity if no try or fit is left for it."""
        if p not in self.tried:
            is_fitted = p.of_fit in self._fits
            may_fit = is_fitted or len(self._fits) < self._fits_allowed
            cost = _TRIES_WITH_TERM if p.w else 1
            if self._tries + cost > self._tries_allowed or not may_fit:
                return float("-inf")
            self._tries += cost
            self._fits.add(p.of_fit)
            self.tried[p] = Tried(self._measure(p), len(self._fits), self._path)
            shares = len(self._fits) / self._budget.fits, self._tries / self._budget.tries
            self._on_share(max(shares))
        return self.tried[p].measured.ndcg
