"""The search for parameters, on functions whose best point is known."""

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelsystem_trainer import search
from modelsystem_trainer.fit import Parameters
from modelsystem_trainer.search import Budget, Costs, Measured, Search, Start

Quality = Callable[[Parameters], float]
GRID, (WEAK, STRONG) = search.GRIDS["ridge"], search.STARTS["ridge"]
TERM = ("w", "rank", "h")
CLIMBED = [name for name in GRID if name not in TERM]
COSTS = Costs(n_items=1_000, products=10**6, users=500, history=5_000, draws=1, all_draws=3)
LARGE = Budget(1e6)
points = st.builds(
    lambda **values: replace(WEAK, **values),
    **{name: st.sampled_from(GRID[name]) for name in CLIMBED},
)


@dataclass
class Landscape:
    """Gives four users values whose mean is the quality, with some spread."""

    quality: Quality
    coverage: Quality = lambda _: 0.5
    spread: Quality = lambda p: 1 + p.w
    costs: Costs = COSTS
    exactly: list[Parameters] = field(default_factory=list)

    def prepare(self, parameters: Sequence[Parameters], *, exactly: bool = False) -> None:
        """Fits at once differ in λ and β, or are what is measured exactly."""
        assert exactly or len({p.of_family for p in parameters}) == 1

    def __call__(self, p: Parameters, *, exactly: bool = False) -> Measured:
        if exactly:
            self.exactly.append(p)
        users = self.quality(p) + np.array([-1.0, 1.0, -1.0, 1.0]) / 8 * self.spread(p)
        return Measured(users, self.coverage(p), novelty=5.0)


def searched(
    quality: Quality,
    budget: Budget = LARGE,
    neighbours: Sequence[int] = (100,),
    starts: Sequence[Parameters] = (WEAK,),
    idle: frozenset[str] = frozenset(),
) -> tuple[Parameters, Search]:
    searching = Search(Landscape(quality), budget, idle)
    climbed = search.climbed_neighbours(neighbours)
    named = [
        Start(f"start {number}", replace(p, neighbours=climbed)) for number, p in enumerate(starts)
    ]
    return searching.run(named, neighbours), searching


def place(point: Parameters) -> list[int]:
    """Return where on the grid a point is."""
    return [GRID[name].index(asdict(point)[name]) for name in CLIMBED]


def near(top: Parameters) -> Quality:
    """Return a concave function of the place on the grid with its maximum at `top`."""
    return lambda p: (
        -sum((x - y) ** 2 for x, y in zip(place(p), place(top), strict=True)) - 100 * p.w
    )


@settings(max_examples=50)  # each is a whole search
@given(points)
def test_it_finds_the_top_of_a_concave_function(top: Parameters) -> None:
    """With enough tries it reaches the best parameters anywhere on the grid."""
    best, _ = searched(near(top))
    assert best == top


@given(st.randoms(use_true_random=False), st.integers(1, 10**6), st.floats(0.1, 50))
def test_it_ends_within_its_budget(draw: random.Random, levels: int, work: float) -> None:
    """Each point is measured once in each way; only the first may exceed the allowed work."""
    points_measured: list[Parameters] = []

    def rugged(p: Parameters) -> float:
        points_measured.append(p)
        return draw.randrange(levels) + len(points_measured)

    landscape = Landscape(rugged)
    searching = Search(landscape, Budget(work))
    best = searching.run([Start("weak", WEAK), Start("strong", STRONG)], (100, 200))
    ledger = searching.ledger
    assert points_measured[0] == WEAK
    assert best in ledger.exact
    assert len(set(landscape.exactly)) == len(landscape.exactly)
    assert len(ledger.tried) + len(landscape.exactly) == len(points_measured)
    first_try = COSTS.fits([WEAK], COSTS.draws) + COSTS.attempt(WEAK)
    first_exact = COSTS.fits([best], COSTS.all_draws) + COSTS.exact(best)
    assert ledger.work <= max(work, first_try) + first_exact
    assert ledger.fits >= len({point.of_fit for point in points_measured})


def test_it_is_deterministic() -> None:
    """The same measure gives the same tries in the same order."""
    tops = near(replace(WEAK, lam=640.0, b=-0.1))
    assert list(searched(tops)[1].ledger.all) == list(searched(tops)[1].ledger.all)


def test_a_second_start_finds_what_the_first_cannot_reach() -> None:
    """Two hills with a valley between them: the higher one is climbed, too."""
    high, low = near(replace(STRONG, lam=2560.0)), near(replace(WEAK, lam=40.0))

    def hills(p: Parameters) -> float:
        return max(high(p) + 1, low(p))

    assert searched(hills)[0].lam == 40
    assert searched(hills, starts=(WEAK, STRONG))[0] == replace(STRONG, lam=2560.0)


def test_two_weights_can_step_at_once() -> None:
    """A ridge between b and c, which no single step climbs, is no end."""

    def ridge(p: Parameters) -> float:
        b, c = GRID["b"].index(p.b), GRID["c"].index(p.c)
        return -10 * abs(b + c - 9) - abs(c - 7) - 100 * p.w

    best, _ = searched(ridge)
    assert GRID["c"].index(best.c) == 7
    assert GRID["b"].index(best.b) == 2


def test_without_improvement_the_start_stays() -> None:
    """Of equal points the first is the best: a step needs a gain."""
    best, _ = searched(lambda _: 0.0)
    assert best == WEAK


def test_all_starts_are_tuned_before_any_is_climbed() -> None:
    """The best start after its tuning gets the fits first."""
    _, searching = searched(near(replace(STRONG, lam=2560.0)), starts=(WEAK, STRONG))
    fits = list(dict.fromkeys(p.of_fit for p in searching.ledger.tried))
    assert fits[:2] == [WEAK.of_fit, STRONG.of_fit]
    assert {tried.path for tried in searching.ledger.tried.values()} >= {"start 0", "start 1"}


def test_coordinates_without_effect_are_not_tried() -> None:
    """Without times there is no step along `fade` and `half_life`."""
    _, searching = searched(near(replace(WEAK, fade=1.0)), idle=frozenset({"fade", "half_life"}))
    assert {(point.fade, point.half_life) for point in searching.ledger.tried} == {(0.0, 0.0)}


@pytest.mark.parametrize(("gain", "w"), [(0.2, 2.0), (0.1, 0.0), (-1.0, 0.0)])
def test_the_term_has_to_earn_its_place(gain: float, w: float) -> None:
    """It is taken if it gains more than two standard errors of the difference, 0.14 w."""
    best, searching = searched(lambda p: gain * (2 - abs(p.w - 2)) if p.w else 0.0)
    assert best.w == w
    assert any(p.w for p in searching.ledger.tried)


@pytest.mark.parametrize(("gain", "best"), [(1.0, 200), (0.0, 200), (-0.1, 200), (-0.2, 100)])
@pytest.mark.parametrize("standard_errors", [1, 2])
def test_more_neighbours_may_not_be_surely_worse(
    gain: float, best: int, standard_errors: int
) -> None:
    """If both are allowed, the smaller number has to gain two standard errors, 0.14."""
    landscape = Landscape(
        lambda p: gain * p.neighbours / 100 - p.w, spread=lambda p: p.neighbours / 100 + p.w
    )
    searching = Search(landscape, LARGE, standard_errors=standard_errors)
    assert searching.run([Start("one", WEAK)], (100, 200)).neighbours == best


@pytest.mark.parametrize(("gain", "neighbours"), [(1, 200), (-1, 100)])
def test_cooccurrence_can_have_other_neighbours(gain: int, neighbours: int) -> None:
    """It has no λ that would follow."""
    best, _ = searched(
        lambda p: gain * p.neighbours / 200 - p.w,
        neighbours=(100, 200),
        starts=search.STARTS["cooccurrence"],
    )
    assert best.neighbours == neighbours


@pytest.mark.parametrize(
    ("allowed", "climbed"), [((20,), 20), ((200,), 200), ((400,), 200), ((100, 200), 200)]
)
def test_a_search_climbs_with_the_largest_number_of_neighbours(
    allowed: Sequence[int], climbed: int
) -> None:
    """At most 200; what ships has one of the numbers that are allowed."""
    best, searching = searched(lambda p: -p.neighbours - p.w, neighbours=allowed)
    assert best.neighbours == allowed[0]
    assert next(iter(searching.ledger.tried)).neighbours == climbed


@pytest.mark.parametrize(("loss", "b"), [(0.0005, 0.0), (0.002, 0.1)])
def test_a_tie_goes_to_what_shows_more_of_the_catalogue(loss: float, b: float) -> None:
    """A loss of at most a tenth of a percent is a tie."""

    def steps(p: Parameters) -> int:
        return GRID["b"].index(0.1) - GRID["b"].index(p.b)

    landscape = Landscape(
        lambda p: 1 - p.w - loss * (steps(p) > 0) - (steps(p) < 0) - abs(p.r - 0.5),
        coverage=lambda p: 0.5 + 0.01 * steps(p),
        spread=lambda p: 1 + steps(p),
    )
    assert Search(landscape, LARGE).run([Start("one", WEAK)], (100,)).b == b


def test_the_choice_is_by_exact_measurements() -> None:
    """Of the best of several fits the one that is best on all draws is chosen."""
    top = near(replace(WEAK, lam=160.0))

    class Misleading(Landscape):
        def __call__(self, p: Parameters, *, exactly: bool = False) -> Measured:
            self.quality = near(replace(WEAK, lam=320.0)) if exactly else top
            return super().__call__(p, exactly=exactly)

    searching = Search(Misleading(top), LARGE)
    assert searching.run([Start("one", WEAK)], (100,)).lam == 320
    exact = {p.lam for p, tried in searching.ledger.all.items() if tried.exact}
    assert exact >= {160, 320}


def test_what_is_exact_anyway_is_not_measured_again() -> None:
    """With one draw and without the term a try is exact."""
    landscape = Landscape(lambda p: -p.w, costs=replace(COSTS, all_draws=1))
    searching = Search(landscape, LARGE)
    assert searching.run([Start("one", WEAK)], (100,)) in searching.ledger.exact
    assert not landscape.exactly


def test_progress_grows_to_one() -> None:
    """Shares say how much of the budget is used."""
    shares: list[float] = []
    landscape = Landscape(near(replace(WEAK, b=-0.1, lam=5.0)))
    Search(landscape, Budget(9), on_share=shares.append).run([Start("one", WEAK)], (100,))
    assert all(share <= later for share, later in pairwise(shares))
    assert 0 < shares[0] < shares[-1] == 1


def test_a_large_catalogue_has_work_for_several_fits() -> None:
    """The budget is the same for small ones, and grows with the cost of a fit."""
    wide = replace(WEAK, neighbours=200)
    small, large = COSTS, replace(COSTS, n_items=10**6)
    assert Budget.of(small, WEAK, []).work == Budget.of(replace(COSTS, n_items=9), WEAK, []).work
    assert Budget.of(large, WEAK, []).work > 10 * large.fits([WEAK], 1)
    assert Budget.of(large, WEAK, [wide]).work > Budget.of(large, WEAK, []).work
    assert Budget.of(large, wide, []).climbs == Budget.of(large, WEAK, [wide]).work
    assert Budget.of(small, wide, []).climbs > 2 * Budget.of(small, WEAK, []).climbs


def test_the_standard_error_is_that_of_a_mean() -> None:
    """By hand; of fewer than two users nothing is known."""
    assert search.standard_error(np.array([1.0, 3.0])) == pytest.approx(1)
    assert search.standard_error(np.array([5.0])) == float("inf")
