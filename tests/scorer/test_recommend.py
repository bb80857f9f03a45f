"""The ranking against a brute-force computation, ties, and threads."""

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random

import numpy as np
import pytest

from modelsystem_scorer.recommend import Ranking, Recommender, best
from modelsystem_scorer.serving import Served
from modelsystem_shared.model import Model

Case = tuple[list[int], int, list[int]]


@pytest.fixture
def switching_often() -> Iterator[None]:
    """Let threads take turns as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def random_cases(model: Model, count: int) -> list[Case]:
    """Make lists of chosen items, numbers wanted, and exclusions."""
    random = Random(20180523)
    everything = range(model.n_items)
    return [
        (
            sorted(random.sample(everything, random.randint(0, 6))),
            random.choice([1, 2, 5, 20, 1000]),
            sorted(random.sample(everything, random.choice([0, 0, 3, model.n_items]))),
        )
        for _ in range(count)
    ]


def brute_force(model: Model, basis: Sequence[int], k: int, excluded: Sequence[int]) -> Ranking:
    """Compute a ranking the obvious way, with a full-length array for each row."""
    scores = np.zeros(model.n_items, np.float32)
    for item in basis:
        dense = np.zeros(model.n_items, np.float32)
        dense[model.similar[item]] = model.similarity[model.similar.bounds(item)]
        scores += dense
    allowed = [item for item in range(model.n_items) if item not in excluded]
    is_fallback = not any(scores[item] > 0 for item in allowed)
    if is_fallback:
        shares = model.popularity / len(model.users)
    ranked = sorted(
        (item for item in allowed if is_fallback or scores[item] > 0),
        key=lambda item: (-(shares if is_fallback else scores)[item], item),
    )[:k]
    return Ranking(np.array(ranked, int), (shares if is_fallback else scores)[ranked], is_fallback)


def plain(ranking: Ranking) -> tuple[list[int], list[float], bool]:
    """Return what a ranking says in values that can be compared."""
    return ranking.items.tolist(), ranking.scores.tolist(), ranking.is_fallback


def test_equals_brute_force(served: Served) -> None:
    """Items, their order and the scores are those of a dense computation, to the last bit."""
    fallbacks = 0
    for basis, k, excluded in random_cases(served.model, 300):
        expected = plain(brute_force(served.model, basis, k, excluded))
        assert plain(served.recommender.recommend(basis, k, excluded)) == expected
        fallbacks += expected[2]
    assert 50 < fallbacks < 250


def test_equal_scores_are_ranked_by_index() -> None:
    """Of equal scores the items with the smaller index come first, also where k cuts them."""
    items = np.array([1, 4, 5, 7, 9])
    scores = np.array([2, 3, 2, 3, 2], np.float32)
    assert best(items, scores, 4).items.tolist() == [4, 7, 1, 5]
    assert best(items, scores, 1).items.tolist() == [4]
    assert best(items, scores, 9).items.tolist() == [4, 7, 1, 5, 9]


def test_scores_that_speak_against_an_item_do_not_recommend_it() -> None:
    """Items with a negative score are not ranked, even when there is room."""
    for k in (1, 2, 3):
        ranking = best(np.array([0, 1, 2]), np.array([-1, 0.5, -2], np.float32), k)
        assert plain(ranking) == ([1], [0.5], False)


def test_fallback_is_by_popularity(served: Served) -> None:
    """Who chose nothing gets the most popular items, scored by the share of users."""
    ranking = served.recommender.recommend([], 3, [])
    popularity = served.model.popularity
    assert ranking.is_fallback
    assert sorted(popularity, reverse=True)[:3] == popularity[ranking.items].tolist()
    assert ranking.scores.tolist() == [count / 40 for count in popularity[ranking.items].tolist()]


def test_excluded_items_are_never_answered(served: Served) -> None:
    """Whatever the scores, no excluded item comes back, neither personal nor popular."""
    for basis, _, excluded in random_cases(served.model, 300):
        found = served.recommender.recommend(basis, 1000, excluded).items.tolist()
        assert not set(found) & set(excluded)


def test_threads_do_not_disturb_each_other(served: Served, switching_often: None) -> None:
    """Eight threads at once get the answers that one alone gets."""
    cases = random_cases(served.model, 300) * 4
    alone = [plain(served.recommender.recommend(*case)) for case in cases]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda case: plain(served.recommender.recommend(*case)), cases))
    assert together == alone


def test_a_call_that_fails_leaves_no_trace(served: Served) -> None:
    """After an error in the middle of a sum the next answer is what it always was."""
    recommender = Recommender(served.model)
    basis = [3, 4, 5]
    expected = plain(recommender.recommend(basis, 5, []))
    with pytest.raises(IndexError):
        recommender.recommend(basis, 5, [10**6])
    assert plain(recommender.recommend(basis, 5, [])) == expected
