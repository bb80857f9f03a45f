"""The ranking against a brute-force computation, ties, explanations, and threads."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import pytest

from modelsystem_scorer.engine.recommender import Basis, Ranking, Recommender
from modelsystem_scorer.engine.served import Served
from modelsystem_shared.arrays import Array
from modelsystem_shared.model import Model


@dataclass(frozen=True)
class Case:
    """What is asked of a recommender."""

    basis: Basis
    k: int
    excluded: list[int]
    candidates: list[int] | None

    def ask(self, recommender: Recommender) -> Ranking:
        """Ask it."""
        return recommender.recommend(self.basis, self.k, self.excluded, self.candidates)


@pytest.fixture
def switching_often() -> Iterator[None]:
    """Let threads take turns as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def random_basis(random: Random, items: list[int]) -> Basis:
    """Make a basis of these items; one in three has weights."""
    if random.random() < 0.67:
        return Basis(items)
    return Basis(items, np.array([random.uniform(0.1, 3) for _ in items], np.float32))


def random_cases(model: Model, count: int) -> list[Case]:
    """Make lists of chosen items, numbers wanted, exclusions and candidates."""
    random = Random(20180523)
    everything = range(model.n_items)

    def some(most: int) -> list[int]:
        return sorted(random.sample(everything, most))

    return [
        Case(
            random_basis(random, some(random.randint(0, 6))),
            random.choice([1, 2, 5, 20, 1000]),
            some(random.choice([0, 0, 3, 20, model.n_items])),
            random.choice([None, None, some(random.choice([0, 1, 10]))]),
        )
        for _ in range(count)
    ]


def dense_scores(model: Model, basis: Basis) -> Array:
    """Compute all scores the obvious way, with a full-length array for each row."""
    scores = np.zeros(model.n_items, np.float32)
    for place, item in enumerate(basis.items):
        dense = np.zeros(model.n_items, np.float32)
        dense[model.similar[item]] = model.similarity[model.similar.bounds(item)]
        scores += dense if basis.weights is None else dense * basis.weights[place]
    return scores


def brute_force(model: Model, case: Case) -> Ranking:
    """Rank all items by sorting them."""
    scores = dense_scores(model, case.basis)
    wanted = range(model.n_items) if case.candidates is None else case.candidates
    allowed = [item for item in wanted if item not in case.excluded]
    is_fallback = not any(scores[item] > 0 for item in allowed)
    if is_fallback:
        scores = model.trend
    ranked = sorted(
        (item for item in allowed if is_fallback or scores[item] > 0),
        key=lambda item: (-scores[item], item),
    )[: case.k]
    return Ranking(ranked, scores[ranked].tolist(), is_fallback)


def check_against_brute_force(served: Served, count: int) -> int:
    """Compare rankings, to the last bit, and return how many were fallbacks."""
    fallbacks = 0
    for case in random_cases(served.model, count):
        expected = brute_force(served.model, case)
        assert case.ask(served.recommender) == expected
        fallbacks += expected.is_fallback
    return fallbacks


def test_equals_brute_force(served: Served) -> None:
    """Items, their order and the scores are those of a dense computation, to the last bit."""
    assert 50 < check_against_brute_force(served, 300) < 250


@pytest.mark.parametrize("items", [700, 5000])
def test_equals_brute_force_among_many_items(load: Any, make_folder: Any, items: int) -> None:
    """The same holds where only a few of many items are touched, and where k cuts groups."""
    served = load(make_folder(items=items, neighbours=40))
    check_against_brute_force(served, 60)


def test_fallback_is_by_popularity(served: Served) -> None:
    """Who chose nothing gets the most popular items, scored by the share of users."""
    ranking = served.recommender.recommend(Basis([]), 3, [])
    trend = served.model.trend
    assert ranking.is_fallback
    assert sorted(trend, reverse=True)[:3] == trend[ranking.items].tolist()
    assert ranking.scores == trend[ranking.items].tolist()


def test_excluded_items_are_never_answered(served: Served) -> None:
    """Whatever the scores, no excluded item comes back, neither personal nor popular."""
    for case in random_cases(served.model, 300):
        found = case.ask(served.recommender).items
        assert not set(found) & set(case.excluded)


def test_scores_are_those_of_the_ranking(served: Served) -> None:
    """Every item's score, ranked or not, is that of a dense computation."""
    everything = list(range(served.model.n_items))
    for case in random_cases(served.model, 100):
        expected = dense_scores(served.model, case.basis).tolist()
        assert served.recommender.scores(case.basis, everything) == expected


def test_contributions_add_up(served: Served) -> None:
    """In float32 and in the order of the basis, they are the score to the last bit."""
    everything = list(range(served.model.n_items))
    for case in random_cases(served.model, 100):
        scores = dense_scores(served.model, case.basis)
        for item, parts in zip(
            everything, served.recommender.explain(case.basis, everything), strict=True
        ):
            assert {part.item for part in parts} <= set(case.basis.items)
            total = np.float32(0)
            for part in parts:
                total += np.float32(part.share)
            assert total == scores[item]


def test_threads_do_not_disturb_each_other(served: Served, switching_often: None) -> None:
    """Eight threads at once get the answers that one alone gets."""
    cases = random_cases(served.model, 300) * 4
    alone = [case.ask(served.recommender) for case in cases]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda case: case.ask(served.recommender), cases))
    assert together == alone


def test_a_call_that_fails_leaves_no_trace(served: Served) -> None:
    """After an error in the middle of a sum the next answer is what it always was."""
    recommender = Recommender(served.model)
    basis = Basis([3, 4, 5])
    expected = recommender.recommend(basis, 5, [])
    with pytest.raises(IndexError):
        recommender.recommend(basis, 5, [10**6])
    assert recommender.recommend(basis, 5, []) == expected
