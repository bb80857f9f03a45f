"""What a search costs, by counts alone."""

from dataclasses import replace

import pytest

from modelsystem_trainer.fit import METHODS, Parameters
from modelsystem_trainer.search import Costs

COSTS = Costs(n_items=10_000, products=10**7, users=3_000, history=75_000, draws=1, all_draws=3)


@pytest.mark.parametrize("method", METHODS)
def test_more_costs_more(method: str) -> None:
    """Each count, more neighbours, the low-rank term, and an exact measurement."""
    p = Parameters(method)
    for name in ("n_items", "products", "users", "history"):
        larger = replace(COSTS, **{name: 2 * getattr(COSTS, name)})
        assert larger.fits([p], 1) + larger.exact(p) > COSTS.fits([p], 1) + COSTS.exact(p)
    wide, with_term = replace(p, neighbours=200), replace(p, w=1.0)
    assert COSTS.fits([wide], 1) >= COSTS.fits([p], 1) > 0
    assert COSTS.attempt(with_term) > COSTS.attempt(p) > 0
    assert COSTS.exact(with_term) > COSTS.exact(p) > COSTS.attempt(p)


@pytest.mark.parametrize("method", ["ridge", "dense"])
def test_fits_of_a_family_share(method: str) -> None:
    """Two fits that differ in λ cost less than twice one; with another `a` they share nothing."""
    p = Parameters(method, lam=80)
    one = COSTS.fits([p], 1)
    assert one < COSTS.fits([p, replace(p, lam=160)], 1) < 2 * one
    assert COSTS.fits([p, replace(p, a=0.25)], 1) == pytest.approx(2 * one)
    assert COSTS.fits([p], 3) == pytest.approx(3 * one)
    assert COSTS.fits([], 3) == 0
