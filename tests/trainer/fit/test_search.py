"""The search for parameters."""

import random
from collections.abc import Callable
from dataclasses import asdict, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_trainer.fit import Parameters, search

Quality = Callable[[Parameters], float]
GRID, START = search.GRIDS["ridge"], search.START["ridge"]
points = st.builds(
    lambda **values: replace(START, **values),
    **{name: st.sampled_from(values) for name, values in GRID.items()},
)


def searched(quality: Quality, on_share: Callable[[float], None] = lambda _: None) -> search.Tried:
    searching = search.Search(quality, on_share)
    searching.run("ridge")
    return searching.tried


def place(point: Parameters) -> list[int]:
    """Return where on the grid a point is."""
    return [values.index(asdict(point)[name]) for name, values in GRID.items()]


def steps(first: Parameters, second: Parameters) -> int:
    """Count the steps on the grid from one point to another."""
    return sum(abs(x - y) for x, y in zip(place(first), place(second), strict=True))


def near(top: Parameters) -> Quality:
    """Return a concave function of the place on the grid with its maximum at `top`."""
    return lambda p: -sum((x - y) ** 2 for x, y in zip(place(p), place(top), strict=True))


@given(points)
def test_it_finds_the_top_of_a_concave_function(top: Parameters) -> None:
    """It reaches the best parameters anywhere on the grid."""
    tried = searched(near(top))
    assert search.best(tried) == top


@given(st.randoms(use_true_random=False), st.integers(1, 10**6))
def test_it_ends_within_its_number_of_tries(draw: random.Random, levels: int) -> None:
    """For any function each point is measured once, the start first."""
    measured: list[Parameters] = []

    def rugged(p: Parameters) -> float:
        measured.append(p)
        return draw.randrange(levels) + len(measured)

    tried = searched(rugged)
    assert list(tried) == measured
    assert measured[0] == START
    assert len(set(measured)) == len(measured) <= search.MOST_TRIES
    assert len({point.of_fit for point in measured}) <= search.MOST_FITS


@given(points)
def test_it_goes_on_step_by_step(top: Parameters) -> None:
    """Every point that is tried is one step from one tried before."""
    places = np.array([place(point) for point in searched(near(top))])
    for number in range(1, len(places)):
        assert np.abs(places[:number] - places[number]).sum(axis=1).min() == 1


def test_without_improvement_the_start_stays() -> None:
    """Of equal points the first is the best: a step needs a gain."""
    tried = searched(lambda _: 0.0)
    assert search.best(tried) == START
    assert all(steps(point, START) <= 1 for point in tried)


def test_weights_are_tried_first() -> None:
    """All weights are tried on the first fit before a second fit."""
    fits = [point.of_fit for point in searched(lambda _: 0.0)]
    assert fits[:12] == fits[:1] * 12
    assert len(set(fits)) == 8


def test_coordinates_without_effect_are_not_tried() -> None:
    """Without times there is no step along `fade` and `half_life`."""
    searching = search.Search(near(replace(START, fade=1.0)), lambda _: None)
    searching.run("ridge", {"fade", "half_life"})
    assert {(point.fade, point.half_life) for point in searching.tried} == {(0.0, 0.0)}


def test_another_method_starts_from_the_best_parameters() -> None:
    """It climbs along the named coordinates only, and wins if it is better."""
    top = replace(START, method="dense", lam=320)
    searching = search.Search(near(replace(START, b=0.2)), lambda _: None)
    searching.run("ridge")
    before = len(searching.tried)
    bonus = near(replace(top, b=0.2))
    searching._quality = lambda p: 1 + bonus(p)
    searching.turn_to("dense", ("lam", "s"))
    assert search.best(searching.tried) == replace(top, b=0.2)
    assert 0 < len(searching.tried) - before <= search.MORE_TRIES


def test_progress_grows_and_stays_within_one() -> None:
    """Shares say how many of the tries are used."""
    shares: list[float] = []
    searched(near(replace(START, b=-0.1, lam=5)), shares.append)
    assert all(share <= later for share, later in pairwise(shares))
    assert 0 < shares[0] < shares[-1] <= 1


@pytest.mark.parametrize("method", search.GRIDS)
def test_the_start_is_on_the_grid(method: str) -> None:
    """Steps go from the start to its neighbours on the grid, which is sorted."""
    for name, values in search.GRIDS[method].items():
        assert asdict(search.START[method])[name] in values
        along = values[1:][::-1] if name == "half_life" else values  # 0: no decay
        assert list(along) == sorted(set(along))
