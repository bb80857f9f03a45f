"""What a search has tried, within bounds of its work.

A try is measured on some users and without cutting the low-rank term; an exact measurement on all
draws, of what would ship. A ledger is in one of these two modes, and keeps both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Protocol

import numpy as np

from modelsystem_shared.numeric.arrays import Float64s
from modelsystem_trainer.fit import Parameters
from modelsystem_trainer.search.work import Costs

_USUAL_NEIGHBOURS = 100
_LEAST, _LEAST_OF_WIDE = 80.0, 180.0  # seconds of work; wide: with more than the usual neighbours
_TRIES_OF_OTHERS = 20
_FITS = 14  # as many as a large catalogue may have, whatever they cost


@dataclass(frozen=True)
class Measured:
    """What the validation users got from some parameters.

    users: each user's NDCG (see `Validation.k`), a mean over draws.
    coverage, novelty: of the first 20 items of each list; see `evaluation.metrics`.
    """

    users: Float64s
    coverage: float
    novelty: float

    @property
    def ndcg(self) -> float:
        """The mean NDCG."""
        return float(self.users.mean()) if len(self.users) else 0.0


@dataclass(frozen=True)
class Tried:
    """One try: what it gave, how many fits there were until then, and from which start it came.

    exact: whether `measured` is on all draws, and of what would ship.
    """

    measured: Measured
    fits: int
    path: str
    exact: bool = False


NOTHING = Tried(Measured(np.zeros(0), 0.0, 0.0), 0, "")  # if there are no users to measure on


class Measure(Protocol):
    """Measures parameters, and knows what that costs; see `Validation`."""

    @property
    def costs(self) -> Costs:
        """The counts that costs depend on."""

    def prepare(self, parameters: Sequence[Parameters], *, exactly: bool = False) -> None:
        """Make several fits at once."""

    def __call__(self, parameters: Parameters, /, *, exactly: bool = False) -> Measured:
        """Return what the users get."""


@dataclass(frozen=True)
class Budget:
    """The most work of a search, in seconds of a core as `Costs` estimates them.

    climbs: until the best parameters are known with the number of neighbours that is climbed with.
    others: what other numbers of neighbours may cost beside it.
    """

    climbs: float
    others: float = 0.0

    @property
    def work(self) -> float:
        """All of it."""
        return self.climbs + self.others

    @classmethod
    def of(cls, costs: Costs, climbed: Parameters, others: Sequence[Parameters]) -> "Budget":
        """Return at least 80 s, and 14 fits of at most 100 neighbours; more for more neighbours.

        climbed: parameters of a fit of the climbs; others: those of fits with other numbers.
        """
        usual = replace(climbed, neighbours=min(climbed.neighbours, _USUAL_NEIGHBOURS))
        least, fits = _LEAST, _FITS * costs.fits([usual], costs.draws)
        if usual.of_fit != climbed.of_fit:
            least, fits = _LEAST_OF_WIDE, fits + cls._of_number(costs, climbed)
        return cls(max(least, fits), sum(cls._of_number(costs, p) for p in others))

    @staticmethod
    def _of_number(costs: Costs, p: Parameters) -> float:
        """Return the work of a step up and down in λ, with the weights tuned after each."""
        steps = [replace(p, lam=p.lam * factor) for factor in (0.5, 1, 2)]
        return costs.fits(steps, costs.all_draws) + _TRIES_OF_OTHERS * costs.attempt(p)


def standard_error(differences: Float64s) -> float:
    """Return the standard error of the mean of differences, one for each user."""
    if len(differences) < 2:  # no variance
        return float("inf")
    return float(differences.std(ddof=1) / sqrt(len(differences)))


class Ledger:
    """All tries; `exact`: those that were measured exactly; `work`: what has been done."""

    def __init__(
        self, measure: Measure, budget: Budget, on_share: Callable[[float], None] = lambda _: None
    ) -> None:
        """Begin with tries; `on_share` gets the share of the budget that is used."""
        self._measure, self._budget, self._on_share = measure, budget, on_share
        self._costs = measure.costs
        self._fits: dict[tuple[object, ...], int] = {}  # with the number of draws
        self.allowed = budget.work
        self.is_exact = False
        self.path = ""
        self.work = 0.0
        self.tried: dict[Parameters, Tried] = {}
        self.exact: dict[Parameters, Tried] = {}

    @property
    def fits(self) -> int:
        """The number of different fits so far."""
        return len(self._fits)

    @property
    def all(self) -> dict[Parameters, Tried]:
        """All that was tried, in order; by its exact measurement if there is one."""
        return self.tried | self.exact

    def allow(self, share: float, *, others: bool) -> None:
        """Allow a share of the work of climbs, and that of other numbers of neighbours or not."""
        self.allowed = share * self._budget.climbs + others * self._budget.others

    def users(self, p: Parameters) -> Float64s | None:
        """Return the users' NDCG in the present mode, None without a measurement."""
        tried = (self.exact if self.is_exact else self.tried).get(p)
        return tried.measured.users if tried else None

    def ndcg(self, p: Parameters) -> float:
        """Return the NDCG in the present mode, or minus infinity if no work is left for it."""
        known = self.exact if self.is_exact else self.tried
        if p not in known:
            measured = self._measured(p, is_first=not known)
            if measured is None:
                return float("-inf")
            first = self.tried.get(p)
            fits, path = (first.fits, first.path) if first else (self.fits, self.path)
            known[p] = Tried(measured, fits, path, self.is_exact)
            self._on_share(min(self.work / self._budget.work, 1.0))
        return known[p].measured.ndcg

    def _measured(self, p: Parameters, *, is_first: bool) -> Measured | None:
        """Measure if work is left, or if there is nothing else to choose."""
        if self.is_exact and p in self.tried and self._is_exact_anyway(p):
            return self.tried[p].measured
        own = self._costs.exact(p) if self.is_exact else self._costs.attempt(p)
        if not is_first and self.work + self._cost_of_fits([p]) + own > self.allowed:
            return None
        self._pay_fits([p])
        self.work += own
        return self._measure(p, exactly=self.is_exact)

    def prepare(self, parameters: Sequence[Parameters]) -> None:
        """Make the fits of parameters at once if there is work left for all of them."""
        new = [p for p in parameters if self._draws_missing(p)]
        if len(new) > 1 and self.work + self._cost_of_fits(new) <= self.allowed:
            self._measure.prepare(new, exactly=self.is_exact)
            self._pay_fits(new)

    def _is_exact_anyway(self, p: Parameters) -> bool:
        is_cut = p.w and p.method != "dense"
        return self._costs.draws == self._costs.all_draws and not is_cut

    def _draws_missing(self, p: Parameters) -> int:
        draws = self._costs.all_draws if self.is_exact else self._costs.draws
        return max(draws - self._fits.get(p.of_fit, 0), 0)

    def _cost_of_fits(self, parameters: Sequence[Parameters]) -> float:
        new = {p.of_fit: p for p in parameters if self._draws_missing(p)}
        draws = max(map(self._draws_missing, new.values()), default=0)
        return self._costs.fits([*new.values()], draws)

    def _pay_fits(self, parameters: Sequence[Parameters]) -> None:
        self.work += self._cost_of_fits(parameters)
        for p in parameters:
            draws = self._fits.get(p.of_fit, 0) + self._draws_missing(p)
            self._fits[p.of_fit] = draws
