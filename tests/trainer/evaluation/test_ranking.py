"""Lists of recommendations and their hits, by hand and against brute force."""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from scipy import sparse

from modelsystem_trainer.evaluation import ranking
from modelsystem_trainer.evaluation.ranking import Recommend
from modelsystem_trainer.fit import lowrank

Ints = npt.NDArray[np.int64]


def matrix(rows: npt.ArrayLike) -> sparse.csr_array:
    return sparse.csr_array(np.asarray(rows, np.float32))


def fixed(ranked: dict[int, list[int]]) -> Recommend:
    """Recommend the same to a user with any history."""

    def recommend(users: Ints, k: int) -> Iterator[Ints]:
        return (np.array(ranked[int(user)][:k], int) for user in users)

    return recommend


def test_lists_are_those_of_a_hand_computation() -> None:
    """A hit counts 1 / log2(its place + 1); the ideal has all held-out items first."""
    truth = matrix([[1, 0, 1, 0, 1, 0], [0, 0, 0, 0, 0, 1], [0, 1, 0, 0, 0, 0]])
    ranked = fixed({0: [3, 0, 4], 1: [0, 3], 2: [1, 0, 3, 4]})
    lists = ranking.evaluate(ranked, truth, np.arange(3))
    first = (1 / math.log2(3) + 1 / math.log2(4)) / (1 + 1 / math.log2(3) + 1 / math.log2(4))
    assert lists.user_ndcg(20) == pytest.approx([first, 0, 1])
    assert lists.ndcg == pytest.approx((first + 0 + 1) / 3)
    assert lists.user_recall(20) == pytest.approx([2 / 3, 0, 1])
    assert lists.user_recall(1) == pytest.approx([0, 0, 1])


@given(
    st_numpy.arrays(np.bool_, (3, 12)),
    st.lists(st.permutations(range(12)), min_size=3, max_size=3),
    st.integers(1, 14),
)
def test_figures_of_users_are_those_of_a_brute_force(
    truth: npt.NDArray[np.bool_], orders: list[list[int]], k: int
) -> None:
    """For any held-out items, at every length of a list."""
    shown = np.array([order[:7] for order in orders])
    shown[0, 3:] = -1
    lists = ranking.compared(shown, matrix(truth))
    for user in range(3):
        held_out = set(np.flatnonzero(truth[user]).tolist())
        hits = [n for n, item in enumerate(shown[user, :k].tolist()) if item in held_out]
        ideal = sum(1 / math.log2(n + 2) for n in range(min(k, len(held_out))))
        gained = sum(1 / math.log2(n + 2) for n in hits)
        assert lists.user_recall(k)[user] == pytest.approx(len(hits) / max(len(held_out), 1))
        assert lists.user_ndcg(k)[user] == pytest.approx(gained / (ideal or 1))


def test_the_ideal_has_at_most_twenty_places() -> None:
    """A user with more than 20 held-out items can have an NDCG of 1; recall cannot."""
    truth = matrix(np.ones((1, 40)))
    lists = ranking.evaluate(fixed({0: list(range(20))}), truth, np.arange(1))
    assert lists.ndcg == pytest.approx(1)
    assert lists.user_recall(20) == pytest.approx([0.5])


def test_no_users_are_no_error() -> None:
    """Without users there are no lists, and the score is 0."""
    lists = ranking.evaluate(fixed({}), matrix([[0, 1]]), np.arange(0))
    assert (lists.ndcg, lists.shown.shape) == (0, (0, 20))


def test_empty_lists_are_no_error() -> None:
    """A user with an empty list counts 0."""
    lists = ranking.evaluate(fixed({0: []}), matrix([[0, 1]]), np.arange(1))
    assert lists.user_ndcg(20).tolist() == lists.user_recall(20).tolist() == [0]
    assert (lists.shown == -1).all()


def test_users_are_handled_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The portions' size has an effect on the progress only."""
    truth = matrix(np.eye(7))
    ranked = fixed({user: [user if user % 2 else 0] for user in range(7)})
    shares: list[float] = []
    whole = ranking.evaluate(ranked, truth, np.arange(7), shares.append)
    monkeypatch.setattr(ranking, "_USERS_AT_ONCE", 3)
    parts = ranking.evaluate(ranked, truth, np.arange(7), shares.append)
    assert parts.shown.tolist() == whole.shown.tolist()
    assert parts.hits.tolist() == whole.hits.tolist()
    assert shares == [1, 3 / 7, 6 / 7, 1]


def best(scores: dict[int, float], seen: set[int]) -> list[int]:
    """Rank the unseen items: the highest score first, of equals the smaller place."""
    return sorted(scores.keys() - seen, key=lambda item: (-scores[item], item))[:20]


@given(
    st_numpy.arrays(np.bool_, (4, 30)),
    st_numpy.arrays(np.int8, (30, 30), elements=st.sampled_from([0, 0, 0, 1, 2, 3, -1])),
)
def test_recommendations_are_those_of_a_brute_force(
    history: npt.NDArray[np.bool_], similarity: npt.NDArray[np.int8]
) -> None:
    """Scores are sums; seen items, and scores below 0, are left out; ties have their rule."""
    recommend = ranking.by_similarity(matrix(history), matrix(similarity))
    for user, ranked in enumerate(recommend(np.arange(4), 20)):
        seen = set(np.flatnonzero(history[user]).tolist())
        scores = {j: sum(float(similarity[i, j]) for i in seen) for j in range(30)}
        reached = {item: score for item, score in scores.items() if score > 0}
        assert ranked.tolist() == best(reached, seen)


@pytest.mark.parametrize("share", [0.1, 0.9])  # a sparse similarity, and one that is nearly full
@pytest.mark.parametrize("most_targets", [1_000, 40])
def test_a_term_is_added_to_all_scores(
    monkeypatch: pytest.MonkeyPatch, share: float, most_targets: int
) -> None:
    """The lists are those of the sum of both matrices, given either way."""
    monkeypatch.setattr(lowrank, "MOST_TARGETS", most_targets)
    rng = np.random.default_rng(1)
    users, items = 70, 1_100  # more than a portion of users, and of columns
    history = matrix((rng.random((users, items)) < 0.02) * rng.random((users, items)))
    similarity = ((rng.random((items, items)) < share) * rng.random((items, items))).astype("f4")
    left, right = rng.normal(size=(2, items, 3)).astype("f4")
    term = lowrank.LowRank(left, right)
    is_dense = share > 0.5
    targets = np.arange(items) if is_dense else term.head
    total = similarity.astype(float)
    total[:, targets] += left.astype(float) @ right[targets].astype(float).T
    scores = history.toarray().astype(float) @ total
    scores[history.toarray() > 0] = 0
    given_ = similarity if is_dense else matrix(similarity)
    for threads in (1, 3):
        recommend = ranking.by_similarity(history, given_, threads, term)
        for user, ranked in enumerate(recommend(np.arange(users), 20)):
            assert len(ranked) == 20
            np.testing.assert_allclose(
                scores[user, ranked], -np.sort(-scores[user])[:20], rtol=1e-4, atol=1e-5
            )


@given(st_numpy.arrays(np.bool_, (5, 30)), st.lists(st.integers(0, 4), unique=True))
def test_popular_is_what_most_users_chose(history: npt.NDArray[np.bool_], users: list[int]) -> None:
    """All users get the same, without their own items; ties by the smaller place."""
    counts = dict(enumerate(history.sum(axis=0).tolist()))
    recommend = ranking.by_popularity(matrix(history), history.sum(axis=0))
    for user, ranked in zip(users, recommend(np.array(users, int), 20), strict=True):
        assert ranked.tolist() == best(counts, set(np.flatnonzero(history[user]).tolist()))
