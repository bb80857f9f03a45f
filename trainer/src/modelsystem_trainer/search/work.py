"""What a search costs, as an estimate in seconds of a core that depends on counts only.

No clock decides how much is tried: the same data gives the same search on any machine. The
constants were measured on one core of an AMD EPYC, before regressions were solved in 0.6 of the
time; the estimate for a ridge is too high since, and stays so (ADR 26). Another core changes how
long a search takes, and not what it does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from modelsystem_trainer.fit import Parameters, lowrank

_PRODUCT = 8e-9  # of two interactions of a user, in the sums of G
_COPY = 8e-9  # of an entry of G for a target
_STEP = 1e-10  # of a Cholesky decomposition, in float32
_DENSE_STEP = 5e-11  # the same in float64, by BLAS
_WEIGHED, _WEIGHED_DENSE = 16e-9, 8e-9  # a similarity
_ADDED, _ADDED_DENSE = 14e-9, 1e-10  # a similarity to a user's score
_FACTOR = 1e-10  # times another, in the low-rank term
_SCORE = 1e-9  # compared with the best
_KEPT = 4e-9  # an entry compared with the strongest of its source
_LIST = 8e-6  # of a user


@dataclass(frozen=True)
class Costs:
    """The counts that costs depend on.

    products: pairs of interactions of the same user, in one draw.
    users, history: users who are measured in one draw, and their earlier interactions.
    draws, all_draws: those of a try, and those of an exact measurement.
    """

    n_items: int
    products: int
    users: int
    history: int
    draws: int
    all_draws: int

    def fits(self, new: Sequence[Parameters], draws: int) -> float:
        """Return the cost of new fits, which share what their family shares."""
        families = {p.of_family: p for p in new}
        shared = sum(self._family(p) for p in families.values())
        return draws * (shared + sum(self._solution(p) for p in new))

    def _family(self, p: Parameters) -> float:
        products = _PRODUCT * self.products
        if p.method != "ridge":
            return products
        return 2 * products + _COPY * self.n_items * self._row(p) ** 2 / 2

    def _solution(self, p: Parameters) -> float:
        if p.method == "dense":
            return _DENSE_STEP * self.n_items**3
        return _STEP * self.n_items * self._row(p) ** 3 / 3 if p.method == "ridge" else 0.0

    def _row(self, p: Parameters) -> int:
        """Return the entries of a row of similarities."""
        return self.n_items if p.method == "dense" else min(p.neighbours, self.n_items)

    def attempt(self, p: Parameters) -> float:
        """Return the cost of a try on a fit that is there."""
        return self.draws * (self._lists(p) + (self._term(p) if p.w else 0))

    def exact(self, p: Parameters) -> float:
        """Return the cost of an exact measurement on fits that are there."""
        return self.all_draws * (self._lists(p) + (self._added(p) if p.w else 0))

    def _lists(self, p: Parameters) -> float:
        is_dense = p.method == "dense"
        weighed, added = (_WEIGHED_DENSE, _ADDED_DENSE) if is_dense else (_WEIGHED, _ADDED)
        entries = weighed * self.n_items + added * self.history
        return entries * self._row(p) + _LIST * self.users

    def _term(self, p: Parameters) -> float:
        head = min(self.n_items, lowrank.MOST_TARGETS)
        return self.users * (_FACTOR * p.rank * head + _SCORE * self.n_items)

    def _added(self, p: Parameters) -> float:
        """Return the cost of the term as it ships: of a dense model nothing is cut."""
        if p.method == "dense":
            return self._term(p)
        head = min(self.n_items, lowrank.MOST_TARGETS)
        return self.n_items * head * (_FACTOR * p.rank + _KEPT)
