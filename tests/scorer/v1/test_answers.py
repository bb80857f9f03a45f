"""From ids to ids: histories, exclusions, weights, and unknown users and items."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest

from modelsystem_scorer.engine import ServedModel
from modelsystem_scorer.v1 import answers
from modelsystem_scorer.v1.messages import RecommendationRequest, Recommendations, ScoresRequest

Load = Callable[..., ServedModel]


def recommend(served: ServedModel, **fields: object) -> Recommendations:
    """Return the answer to a request with these fields."""
    return answers.recommendations(served, RecommendationRequest.model_validate(fields))


def ids(answer: Recommendations) -> list[str]:
    """Return the ids of the recommended items."""
    return [item["item_id"] for item in answer["items"]]


def history(served: ServedModel, user: int) -> list[str]:
    """Return the ids of the items in a user's history."""
    return [served.model.items[item] for item in served.model.history[user].tolist()]


def test_a_user_is_the_items_of_their_history(served: ServedModel) -> None:
    """A user gets the same answer as a request with the same items, in any order."""
    for user in range(1, len(served.model.users)):
        items = history(served, user)
        Random(user).shuffle(items)
        by_user = recommend(served, user_id=served.model.users[user])
        assert by_user == recommend(served, items=items)
        assert by_user["fallback"] is None
        assert not set(ids(by_user)) & set(items)


def test_without_histories_items_have_the_same_answers(
    load: Load, make_folder: Callable[..., Path]
) -> None:
    """HISTORIES=off: a user's items get what they get with histories, any user id is unknown."""
    whole = load(make_folder("whole", weighted=True))
    small = load(make_folder("small", weighted=True, histories=False))
    for user in range(1, len(whole.model.users)):
        items = history(whole, user)
        answers_to_items = [
            recommend(served, items=items, explain=True) for served in (whole, small)
        ]
        assert answers_to_items[0]["items"] == answers_to_items[1]["items"]
        answer = recommend(small, user_id=whole.model.users[user])
        assert answer["fallback"] == "popular"
        assert answer["items"] == recommend(small, user_id="nobody")["items"]
        request = ScoresRequest(user_id=whole.model.users[user], candidates=items)
        assert answers.scores(small, request)["fallback"] == "popular"


def test_the_order_of_items_does_not_matter(load: Load, make_folder: Callable[..., Path]) -> None:
    """The same items in any order get the same scores, to the last bit."""
    served = load(make_folder(items=3000, neighbours=300))
    # a set keeps such indices in order of insertion, and sums of odd rows depend on their order
    items = [served.model.items[item] for item in range(1, 3000, 64)]
    expected = recommend(served, items=items, k=1000)
    for seed in range(20):
        Random(seed).shuffle(items)
        assert recommend(served, items=items, k=1000) == expected


def test_user_and_items_together_are_their_union(served: ServedModel) -> None:
    """Items beside a user count as if they were in the history, each once."""
    items = ["7", "a/b", "7"]
    together = recommend(served, user_id=served.model.users[5], items=items, k=1000)
    assert together == recommend(served, items=history(served, 5) + items, k=1000)


@pytest.fixture
def weighted(load: Load, make_folder: Callable[..., Path]) -> ServedModel:
    """Load a model with confidence and recency."""
    return load(make_folder(weighted=True))


def scored(served: ServedModel, weights: dict[str, float]) -> list[float]:
    """Return the scores of the items that are recommended by items with these weights."""
    items = [{"item_id": item, "weight": weight} for item, weight in weights.items()]
    return [item["score"] for item in recommend(served, items=items, k=1000)["items"]]


def test_items_of_a_history_count_by_confidence(weighted: ServedModel, served: ServedModel) -> None:
    """A user's score is the sum over the history, each item times its confidence."""
    for user in range(1, len(weighted.model.users)):
        confidence = weighted.model.confidence[weighted.model.history.bounds(user)].tolist()
        weights = dict(zip(history(weighted, user), confidence, strict=True))
        by_user = recommend(weighted, user_id=weighted.model.users[user], k=1000)
        assert [item["score"] for item in by_user["items"]] == scored(served, weights)


def test_items_of_a_request_count_by_recency(weighted: ServedModel, served: ServedModel) -> None:
    """The last counts 1, the one before it 1/2, all before that 1/4; each item once."""
    items = ["7", "a/b", "item-9", "item-7", "7", "item-8", "no such"]
    weights = {"item-8": 1, "7": 0.5, "item-7": 0.25, "item-9": 0.25, "a/b": 0.25}
    answer = recommend(weighted, items=items, k=1000)
    assert [item["score"] for item in answer["items"]] == scored(served, weights)
    doubled = [{"item_id": "item-9", "weight": 2}, "item-8"]
    assert scored(served, {"item-9": 1, "item-8": 1}) == [
        item["score"] for item in recommend(weighted, items=doubled, k=1000)["items"]
    ]


def test_seen_items_can_be_recommended(served: ServedModel) -> None:
    """With `exclude_seen` false the items of the history are ranked, too."""
    seen = set(history(served, 5))
    answer = recommend(served, user_id=served.model.users[5], k=1000, exclude_seen=False)
    assert seen & set(ids(answer))


def test_excluded_items_stay_out(served: ServedModel) -> None:
    """`exclude_items` removes items and keeps the order of the others."""
    all_ids = ids(recommend(served, user_id=served.model.users[5], k=1000))
    answer = recommend(served, user_id=served.model.users[5], k=1000, exclude_items=all_ids[::2])
    assert ids(answer) == all_ids[1::2]


@pytest.mark.parametrize("fields", [{"user_id": "unknown"}, {"items": []}, {"items": ["no such"]}])
def test_a_cold_start_gets_trending_items(served: ServedModel, fields: dict[str, object]) -> None:
    """For an unknown user, or without a known item, `fallback` says so."""
    answer = recommend(served, k=5, **fields)
    trend = served.model.trend.tolist()
    expected = sorted(range(len(trend)), key=lambda item: (-trend[item], item))[:5]
    assert answer["fallback"] == "popular"
    assert ids(answer) == [served.model.items[item] for item in expected]
    assert [item["score"] for item in answer["items"]] == [trend[item] for item in expected]


def test_an_item_without_neighbours_gets_trending_items(
    served: ServedModel, item_ids: list[str]
) -> None:
    """Item 0 is known, but similar to nothing: alone it is a cold start, beside others not."""
    answer = recommend(served, items=[item_ids[0]], k=1000)
    assert answer["fallback"] == "popular"
    assert set(ids(answer)) == {*item_ids[1:]}
    assert recommend(served, items=[item_ids[0], "7"])["fallback"] is None


def test_a_known_user_with_nothing_left_gets_nothing(
    served: ServedModel, item_ids: list[str]
) -> None:
    """No items, and no word of popular ones: `fallback` is about the asker alone."""
    user = served.model.users[5]
    neighbours = ids(recommend(served, user_id=user, k=1000))
    assert len(neighbours) < len(item_ids) - len(history(served, 5))  # others are left
    for fields in (
        {"items": item_ids},  # the user has everything
        {"exclude_items": neighbours},
        {"candidates": ["no such", "nor this"]},
        {"candidates": []},
    ):
        answer = recommend(served, user_id=user, **fields)
        assert (ids(answer), answer["fallback"]) == ([], None)


@pytest.mark.parametrize("candidates", [["no such"], []])
def test_an_unknown_user_is_popular_whatever_the_candidates(
    served: ServedModel, candidates: list[str]
) -> None:
    """Also if no trending item is left to return."""
    answer = recommend(served, user_id="unknown", candidates=candidates)
    assert (ids(answer), answer["fallback"]) == ([], "popular")


def test_scores_and_recommendations_agree_on_who_is_known(
    served: ServedModel, item_ids: list[str], user_ids: list[str]
) -> None:
    """For every user and every item, whatever the candidates are."""
    askers: list[dict[str, object]] = [{"user_id": user} for user in [*user_ids, "unknown"]]
    askers += [{"items": [item]} for item in [*item_ids, "no such"]] + [{"items": []}]
    fallbacks = set()
    for asker in askers:
        for candidates in (item_ids[:3], ["no such"], []):
            request = {**asker, "candidates": candidates}
            scores = answers.scores(served, ScoresRequest.model_validate(request))
            assert scores["fallback"] == recommend(served, **request)["fallback"]
            fallbacks.add(scores["fallback"])
    assert fallbacks == {None, "popular"}


def test_unknown_items_are_listed(served: ServedModel) -> None:
    """Unknown ids of `items` and `exclude_items` are listed once, in their order."""
    answer = recommend(served, items=["x2", "7", "x1", "x2"], exclude_items=["x3", "007", "x1"])
    assert answer["unknown_items"] == ["x2", "x1", "x3"]


def test_titles_are_those_of_the_catalogue(served: ServedModel, item_ids: list[str]) -> None:
    """Each item has its title, or null if the catalogue has none."""
    answer = recommend(served, user_id="unknown", k=1000)
    expected = {i: None if n % 3 == 0 else f"Title of {i}" for n, i in enumerate(item_ids)}
    assert {item["item_id"]: item["title"] for item in answer["items"]} == expected


def test_similar_items_are_the_row_of_the_model(served: ServedModel) -> None:
    """Neighbours come nearest first, with their similarities, and k cuts them."""
    for item in range(served.model.n_items):
        row = served.model.similar.bounds(item)
        answer = answers.similar(served, served.model.items[item], k=5)
        assert answer is not None
        assert [(n["item_id"], n["score"]) for n in answer["items"]] == [
            (served.model.items[neighbour], weight)
            for neighbour, weight in zip(
                served.model.similar.indices[row][:5].tolist(),
                served.model.similarity[row][:5].tolist(),
                strict=True,
            )
        ]


def test_an_unknown_item_has_no_neighbours(served: ServedModel) -> None:
    """The answer is None."""
    assert answers.similar(served, "no such item", k=5) is None


def test_weights_count(served: ServedModel) -> None:
    """An item's weight scales its contribution; of equal items the last one counts."""
    once = answers.scores(
        served, ScoresRequest.model_validate({"items": ["7"], "candidates": ["a/b", "no such"]})
    )
    item = {"item_id": "7", "weight": 2.5}
    scaled = answers.scores(
        served, ScoresRequest.model_validate({"items": ["7", item], "candidates": ["a/b"]})
    )
    assert once["unknown_items"] == ["no such"]
    assert once["scores"][1] == {"item_id": "no such", "score": None}
    expected = np.float32(2.5) * np.float32(once["scores"][0]["score"] or 0)
    assert scaled["scores"] == [{"item_id": "a/b", "score": float(expected)}]


def test_only_candidates_are_ranked(served: ServedModel) -> None:
    """They keep the order that they have among all items; unknown ones are listed."""
    all_ids = ids(recommend(served, user_id=served.model.users[5], k=1000))
    candidates = [*all_ids[::3], "no such"]
    answer = recommend(served, user_id=served.model.users[5], k=1000, candidates=candidates[::-1])
    assert ids(answer) == all_ids[::3]
    assert answer["unknown_items"] == ["no such"]
    assert ids(recommend(served, user_id=served.model.users[5], candidates=[])) == []


def test_the_fallback_ranks_only_candidates(served: ServedModel) -> None:
    """For an unknown user; `scores` gives them the same scores."""
    answer = recommend(served, user_id="unknown", candidates=["7", "a/b", "007"])
    assert answer["fallback"] == "popular"
    assert sorted(ids(answer)) == ["007", "7", "a/b"]
    scores = answers.scores(served, ScoresRequest(user_id="unknown", candidates=ids(answer)))
    assert scores["fallback"] == "popular"
    assert [s["score"] for s in scores["scores"]] == [i["score"] for i in answer["items"]]


def test_explanations_add_up(served: ServedModel) -> None:
    """With `explain`, the shares are of items of the history and add up to the score."""
    users = [served.model.users[user] for user in range(1, 30)]
    for user in users:
        assert "because" not in recommend(served, user_id=user)["items"][0]
        chosen_by_user = set(history(served, served.model.users.find(user) or 0))
        for item in recommend(served, user_id=user, explain=True)["items"]:
            shares = [reason["share"] for reason in item["because"]]
            assert {reason["item_id"] for reason in item["because"]} <= chosen_by_user
            assert shares == sorted(shares, reverse=True)
            assert sum(shares) == pytest.approx(item["score"], abs=1e-5)
    assert recommend(served, user_id="unknown", explain=True)["items"][0]["because"] == []


def test_many_reasons_are_summed_up(load: Load, make_folder: Callable[..., Path]) -> None:
    """After twenty reasons the rest is one more, without an id; they add up to the score."""
    served = load(make_folder(items=100, neighbours=90))
    items = [served.model.items[item] for item in range(1, 60)]
    for item in recommend(served, items=items, explain=True)["items"]:
        *named, rest = item["because"]
        assert len(named) == 20
        assert rest["item_id"] is None
        assert sum(r["share"] for r in item["because"]) == pytest.approx(item["score"], abs=1e-5)


def test_questions_have_no_user_ids(served: ServedModel) -> None:
    """Each has a gate user's earlier and held-out items."""
    answer = answers.questions(served)
    assert answer["model"] == served.info
    assert [q["items"] for q in answer["questions"]] == [
        [served.model.items[i] for i in served.model.questions[row].tolist()]
        for row in range(len(served.model.questions))
    ]
    assert len(answer["questions"]) == 3


def test_the_questions_come_with_the_popularity_of_all_items(served: ServedModel) -> None:
    """An item's count is the number of users who have it, 0 of nobody's."""
    popularity = answers.questions(served)["popularity"]
    assert popularity
    model = served.model
    histories = [set(model.history[user].tolist()) for user in range(len(model.users))]
    assert popularity["users"] == len(histories)
    assert popularity["item_ids"] == [model.items[item] for item in range(model.n_items)]
    assert popularity["counts"] == [
        sum(item in history for history in histories) for item in range(model.n_items)
    ]


def test_without_histories_it_is_unknown_what_is_popular(
    load: Load, make_folder: Callable[..., Path]
) -> None:
    """The answer has null in its place."""
    assert answers.questions(load(make_folder(histories=False)))["popularity"] is None
