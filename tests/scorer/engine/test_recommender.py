"""Rankings against a brute-force computation, ties, explanations, and threads."""

import dataclasses
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import pytest

from modelsystem_scorer.engine import ServedModel
from modelsystem_scorer.engine.recommender import Basis, Ranking, Recommender
from modelsystem_shared.numeric.arrays import Float32s
from modelsystem_shared.numeric.model import Model


@dataclass(frozen=True)
class Case:
    """The arguments of one ranking."""

    basis: Basis
    k: int
    excluded: list[int]
    candidates: list[int] | None

    def rank(self, recommender: Recommender) -> Ranking:
        """Return the ranking."""
        return recommender.recommend(self.basis, self.k, self.excluded, self.candidates)


@pytest.fixture
def switching_often() -> Iterator[None]:
    """Switch between threads as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def random_basis(random: Random, items: list[int]) -> Basis:
    """Return a basis of these items; one in three has weights."""
    if random.random() < 0.67:
        return Basis(items)
    return Basis(items, np.array([random.uniform(0.1, 3) for _ in items], np.float32))


def random_cases(model: Model, count: int) -> list[Case]:
    """Return cases with random items, numbers, exclusions and candidates."""
    random = Random(20180523)

    def sample(size: int) -> list[int]:
        return sorted(random.sample(range(model.n_items), size))

    return [
        Case(
            random_basis(random, sample(random.randint(0, 6))),
            random.choice([1, 2, 5, 20, 1000]),
            sample(random.choice([0, 0, 3, 20, model.n_items])),
            random.choice([None, None, sample(random.choice([0, 1, 10]))]),
        )
        for _ in range(count)
    ]


def dense_scores(model: Model, basis: Basis) -> Float32s:
    """Return all scores, computed with a full-length array for each row."""
    scores = np.zeros(model.n_items, np.float32)
    for place, item in enumerate(basis.items):
        dense = np.zeros(model.n_items, np.float32)
        dense[model.similar[item]] = model.similarity[model.similar.bounds(item)]
        scores += dense if basis.weights is None else dense * basis.weights[place]
    return scores


def brute_force(model: Model, case: Case) -> Ranking:
    """Return the ranking, by a sort of all items."""
    scores = dense_scores(model, case.basis)
    candidates = range(model.n_items) if case.candidates is None else case.candidates
    allowed = [item for item in candidates if item not in case.excluded]
    is_fallback = not any(len(model.similar[item]) for item in case.basis.items)
    if is_fallback:
        scores = model.trend
    ranked = sorted(
        (item for item in allowed if is_fallback or scores[item] > 0),
        key=lambda item: (-scores[item], item),
    )[: case.k]
    return Ranking(ranked, scores[ranked].tolist(), is_fallback)


def check_against_brute_force(served: ServedModel, count: int) -> int:
    """Compare rankings, to the last bit, and return the number of fallbacks."""
    fallbacks = 0
    for case in random_cases(served.model, count):
        expected = brute_force(served.model, case)
        assert case.rank(served.recommender) == expected
        fallbacks += expected.is_fallback
    return fallbacks


def test_equals_brute_force(served: ServedModel) -> None:
    """Items, their order and the scores are those of a dense computation, to the last bit."""
    assert 30 < check_against_brute_force(served, 300) < 250


@pytest.mark.parametrize("items", [700, 5000])
def test_equals_brute_force_among_many_items(load: Any, make_folder: Any, items: int) -> None:
    """Also if only a few of many items are touched, and if k cuts equal scores."""
    served = load(make_folder(items=items, neighbours=40))
    check_against_brute_force(served, 60)


def test_fallback_is_by_trend(served: ServedModel) -> None:
    """Without a basis the trending items are returned, scored by the share of users."""
    ranking = served.recommender.recommend(Basis([]), 3, [])
    trend = served.model.trend
    assert ranking.is_fallback
    assert sorted(trend, reverse=True)[:3] == trend[ranking.items].tolist()
    assert ranking.scores == trend[ranking.items].tolist()


def test_items_that_repel_are_no_basis(served: ServedModel) -> None:
    """An item is informative if a weight of its row is positive; a row of others is like none."""
    similarity = served.model.similarity.copy()
    recommender = Recommender(dataclasses.replace(served.model, similarity=similarity))
    assert recommender.is_informative(Basis([0, 5]))
    assert not recommender.is_informative(Basis([0]))
    similarity[served.model.similar.bounds(5)] *= -1
    assert not recommender.is_informative(Basis([0, 5]))
    assert recommender.recommend(Basis([0, 5]), 3, []) == recommender.trending(3, [])


def test_excluded_items_are_never_answered(served: ServedModel) -> None:
    """Neither in a personal ranking nor in a fallback."""
    for case in random_cases(served.model, 300):
        items = case.rank(served.recommender).items
        assert not set(items) & set(case.excluded)


def test_scores_are_those_of_the_ranking(served: ServedModel) -> None:
    """The score of every item, ranked or not, is that of a dense computation."""
    all_items = list(range(served.model.n_items))
    for case in random_cases(served.model, 100):
        expected = dense_scores(served.model, case.basis).tolist()
        assert served.recommender.scores(case.basis, all_items) == expected


def test_contributions_add_up(served: ServedModel) -> None:
    """In float32 and in the order of the basis, they are the score to the last bit."""
    all_items = list(range(served.model.n_items))
    for case in random_cases(served.model, 100):
        scores = dense_scores(served.model, case.basis)
        for item, parts in zip(
            all_items, served.recommender.explain(case.basis, all_items), strict=True
        ):
            assert {part.item for part in parts} <= set(case.basis.items)
            total = np.float32(0)
            for part in parts:
                total += np.float32(part.share)
            assert total == scores[item]


def test_threads_do_not_disturb_each_other(served: ServedModel, switching_often: None) -> None:
    """Eight threads get the rankings that one gets."""
    cases = random_cases(served.model, 300) * 4
    alone = [case.rank(served.recommender) for case in cases]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda case: case.rank(served.recommender), cases))
    assert together == alone


def test_a_call_that_fails_does_not_change_the_next(served: ServedModel) -> None:
    """After an error in the middle of a sum the next ranking is right."""
    recommender = Recommender(served.model)
    basis = Basis([3, 4, 5])
    expected = recommender.recommend(basis, 5, [])
    with pytest.raises(IndexError):
        recommender.recommend(basis, 5, [10**6])
    assert recommender.recommend(basis, 5, []) == expected
