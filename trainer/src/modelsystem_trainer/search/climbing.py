"""The search for parameters: steps along one coordinate at a time, from several starts.

It is deterministic, with a bound on its work. Weights of similarities and of a user's history need
no new fit: after each fit they are tuned again, so that fits are compared by the best that each can
give. The best of several fits are then measured exactly. A step and the low-rank term have to earn
their place: they are taken if they gain more than two standard errors of the difference, user by
user, or one if there are few users. More neighbours are taken if they do not lose two. Of
parameters that are as good as the best, those win that show more of the catalogue.
"""

from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from itertools import product

from modelsystem_trainer.fit import Parameters
from modelsystem_trainer.search.ledger import Budget, Ledger, Measure, standard_error
from modelsystem_trainer.search.space import GRIDS, Start, on_grid

_MOST_CLIMBED = 200  # neighbours; a fit costs their cube
_TIE = 0.001  # of the NDCG
_SURE = 2  # standard errors by which fewer neighbours have to be better
_FIRST_SHARE, _CLIMB_SHARE, _FINAL_SHARE = 0.55, 0.7, 0.95  # of the work of climbs
_FINALISTS = 4  # fits whose best parameters are measured exactly
_FIT_NAMES = ("lam", "a", "beta", "fit_power", "c")
_OF_SOLUTION = ("lam", "beta")  # both steps along them share most of a fit
_TERM = ("w", "rank", "h")
_RETUNED = ("s", "b", "c", "w")  # after each fit, before fits are compared
_COMPARED = ("r", "s", "b", "c")  # before starts are compared
_POLISHED = ("w", "s", "b", "c")  # exactly, at the end
_PAIRS = (("b", "c"), ("s", "r"))


def climbed_neighbours(neighbours: Sequence[int]) -> int:
    """Return the number of neighbours that a search climbs with: what ships if it is not worse.

    neighbours: the numbers that are allowed, ascending.
    """
    return min(neighbours[-1], _MOST_CLIMBED)


class Search:
    """One search; `ledger` has what was tried."""

    def __init__(
        self,
        measure: Measure,
        budget: Budget,
        idle: Set[str] = frozenset(),
        on_share: Callable[[float], None] = lambda _: None,
        standard_errors: int = 2,
    ) -> None:
        """Search by `measure`; `on_share` gets the share of the budget that is used.

        idle: names of coordinates without effect.
        standard_errors: what a step has to gain, in those of the difference.
        """
        self.ledger = Ledger(measure, budget, on_share)
        self._idle, self._on_share = set(idle) | set(_TERM), on_share
        self._standard_errors = standard_errors

    def run(self, starts: Sequence[Start], neighbours: Sequence[int]) -> Parameters:
        """Return the best parameters.

        starts: of one method or several, with the number of neighbours that is climbed with.
        neighbours: the numbers of neighbours that are allowed, ascending.
        """
        self._climb_from(starts)
        finalists = self._with_others(neighbours, starts[0].parameters.neighbours)
        self.ledger.is_exact = True
        self.ledger.allow(_FINAL_SHARE, others=True)
        best = self._best_of(finalists)
        self.ledger.allow(1.0, others=True)
        best = self._of_widest_coverage(self._polish(best))
        self._on_share(1.0)
        return best

    def _climb_from(self, starts: Sequence[Start]) -> None:
        """Tune some weights of each start, then climb from the best one, then from the others.

        The low-rank term is tried first: a ridge beside it is weaker than one that stands alone.
        """
        self.ledger.allow(_FIRST_SHARE, others=False)
        leaders = []
        for start in starts:
            self.ledger.path = start.name
            parameters = on_grid(start.parameters)
            self._ndcg(parameters)
            leaders.append((start.name, self._along_each(_COMPARED, parameters)))
        leaders.sort(key=lambda leader: -self._ndcg(leader[1]))  # stable
        with_term = self._add_term(leaders[0][1])
        term = {name: getattr(with_term, name) for name in _TERM} if with_term.w else {}
        for name, parameters in leaders:
            self.ledger.path = name
            self._climb(replace(parameters, **term))
            self.ledger.allow(_CLIMB_SHARE, others=False)

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
        weights = [name for name in GRIDS[start.method] if self._is_weight(name, start)]
        while current != before and self._ndcg(current) != float("-inf"):
            before = current
            for name in weights:
                current = self._along(name, current, lambda p: p)
            current = self._in_pairs(current)
        return current

    def _retune(self, start: Parameters) -> Parameters:
        """Step along each of the weights that a fit changes most."""
        return self._along_each(_RETUNED, start)

    def _along_each(self, names: Sequence[str], start: Parameters) -> Parameters:
        current = start
        for name in names:
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
        return best if self._is_clearly_better(best, start) else start

    def _along(
        self, name: str, start: Parameters, tuned: Callable[[Parameters], Parameters]
    ) -> Parameters:
        """Go up, or else down, along one coordinate as long as each step clearly improves."""
        if name in _OF_SOLUTION:
            steps = [self._stepped(name, step, start) for step in (1, -1)]
            self.ledger.prepare([p for p in steps if p])
        for step in (1, -1):
            current = start
            while (further := self._stepped(name, step, current)) is not None:
                if self._ndcg(further) == float("-inf"):
                    break
                further = tuned(further)
                if not self._is_clearly_better(further, current):
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

    def _with_others(self, neighbours: Sequence[int], climbed: int) -> list[Parameters]:
        """Tune the best parameters with other neighbours; return what to measure exactly."""
        self.ledger.path = "other neighbours"
        self.ledger.allow(_CLIMB_SHARE, others=True)
        leader = self._leaders(climbed)[0]
        for number in neighbours:
            if leader.method != "dense" and number != climbed:
                self._tune_again(replace(leader, neighbours=number))
        finalists = [p for number in neighbours for p in self._leaders(number)]
        return list(dict.fromkeys(finalists)) or [replace(leader, neighbours=neighbours[-1])]

    def _tune_again(self, start: Parameters) -> None:
        """Step along λ with other neighbours, with all of its fits made at once."""
        steps = [self._stepped("lam", step, start) for step in (1, -1)]
        self.ledger.prepare([start, *(p for p in steps if p)])
        self._along("lam", self._retune(start), self._retune)

    def _leaders(self, neighbours: int) -> list[Parameters]:
        """Return the best of each of the best fits, the best first, and the best without term."""
        may = [
            p
            for p in self.ledger.tried
            if (p.method == "dense" or p.neighbours == neighbours)
            and (not p.w or "w" not in self._idle)
        ]
        by_fit: dict[tuple[object, ...], Parameters] = {}
        for p in sorted(may, key=lambda p: -self._ndcg(p)):  # stable
            by_fit.setdefault((*p.of_fit, p.w > 0), p)
        simple = next((p for p in by_fit.values() if not p.w), None)
        leaders = [*by_fit.values()][:_FINALISTS]
        return leaders if simple is None or simple in leaders else [*leaders, simple]

    def _best_of(self, finalists: Sequence[Parameters]) -> Parameters:
        """Return the best by exact measurements: the best of each size, then the best of these.

        The order is that of size: fewer neighbours first, and without the low-rank term.
        """
        self.ledger.path = "exact"
        families: dict[object, list[Parameters]] = {}
        for p in finalists:
            families.setdefault(p.of_family, []).append(p)
        groups: dict[tuple[int, bool], Parameters] = {}
        for family in families.values():  # each fit is asked for while it is there
            self.ledger.prepare(family)
            for p in family:
                size = p.neighbours, p.w > 0
                best_of_size = groups.setdefault(size, p)
                if self._ndcg(p) > self._ndcg(best_of_size):
                    groups[size] = p
        measured = [groups[size] for size in sorted(groups) if groups[size] in self.ledger.exact]
        best, *larger = measured
        for p in larger:
            if self._may_replace(best, p):
                best = p
        return best

    def _may_replace(self, best: Parameters, larger: Parameters) -> bool:
        """Whether a larger model is taken: one of another kind has to be clearly better.

        More neighbours are taken if they are not surely worse: the sparse fits of a search gain
        less by them than the fit that ships.
        """
        is_of_kind = larger.method == best.method and (best.w or not larger.w)
        if is_of_kind:
            return not self._is_better(best, larger, _SURE)
        return self._is_clearly_better(larger, best)

    def _add_term(self, best: Parameters) -> Parameters:
        """Return the parameters with the low-rank term if it earns its place."""
        self.ledger.path = "low-rank term"
        self._idle -= set(_TERM)
        middle = [replace(best, w=1.0, h=h) for h in (0.0, 0.5)]
        current = max(middle, key=self._ndcg)
        before = None
        while current != before and current.w:
            before = current
            current = self._along_each(("w", "rank", "h"), current)
        if current.w and self._is_clearly_better(current, best):
            return current
        self._idle |= set(_TERM)
        return best

    def _polish(self, best: Parameters) -> Parameters:
        """Step along the weights by exact measurements."""
        self.ledger.path = "polish"
        return self._along_each(_POLISHED, best)

    def _of_widest_coverage(self, best: Parameters) -> Parameters:
        """Return what shows most of the catalogue of all that are as good, and no larger."""
        exact = self.ledger.exact
        no_larger = [
            p
            for p in exact
            if (p.method, p.neighbours) == (best.method, best.neighbours) and p.w <= best.w
        ]
        top = max([best, *no_larger], key=self._ndcg)
        equal = [p for p in no_larger if self._is_as_good(p, top)]
        return max([top, *equal], key=lambda p: exact[p].measured.coverage)

    def _is_as_good(self, p: Parameters, best: Parameters) -> bool:
        """Whether a loss is within one standard error, and too small to matter."""
        exact = self.ledger.exact
        losses = exact[best].measured.users - exact[p].measured.users
        bound = min(standard_error(losses), _TIE * self._ndcg(best))
        return bool(len(losses)) and float(losses.mean()) <= bound

    def _is_clearly_better(self, new: Parameters, old: Parameters) -> bool:
        return self._is_better(new, old, self._standard_errors)

    def _is_better(self, new: Parameters, old: Parameters, standard_errors: int) -> bool:
        ours, theirs = self.ledger.users(new), self.ledger.users(old)
        if ours is None or theirs is None or not len(ours):
            return False
        gains = ours - theirs
        return bool(gains.mean() > standard_errors * standard_error(gains))

    def _ndcg(self, p: Parameters) -> float:
        return self.ledger.ndcg(p)
