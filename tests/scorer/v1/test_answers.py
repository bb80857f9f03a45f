"""From ids to ids: whose history counts, what is left out, and what is said of the unknown."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest

from modelsystem_scorer.api.messages import RecommendationRequest, Recommendations, ScoresRequest
from modelsystem_scorer.engine.served import Served
from modelsystem_scorer.v1 import answers

Load = Callable[..., Served]


def ask(served: Served, **request: object) -> Recommendations:
    """Answer a request that is given by its fields."""
    return answers.recommendations(served, RecommendationRequest.model_validate(request))


def ids(answer: Recommendations) -> list[str]:
    """Return the ids of the recommended items."""
    return [item["item_id"] for item in answer["items"]]


def history(served: Served, user: int) -> list[str]:
    """Return the ids of the items that a user of the training data chose."""
    return [served.model.items[item] for item in served.model.history[user].tolist()]


def test_a_user_is_the_items_of_their_history(served: Served) -> None:
    """All users get what anybody gets who brings the same items, in whatever order."""
    for user in range(1, len(served.model.users)):
        items = history(served, user)
        Random(user).shuffle(items)
        by_user = ask(served, user_id=served.model.users[user])
        assert by_user == ask(served, items=items)
        assert by_user["fallback"] is None
        assert not set(ids(by_user)) & set(items)


def test_the_order_of_items_does_not_matter(load: Load, make_folder: Callable[..., Path]) -> None:
    """The same items in any order get the same scores, to the last bit."""
    served = load(make_folder(items=3000, neighbours=300))
    # a set keeps such indices in order of arrival, and rows of odd items add up unevenly
    items = [served.model.items[item] for item in range(1, 3000, 64)]
    expected = ask(served, items=items, k=1000)
    for seed in range(20):
        Random(seed).shuffle(items)
        assert ask(served, items=items, k=1000) == expected


def test_user_and_items_together_are_their_union(served: Served) -> None:
    """Items beside a user count as if they were in the history, each one once."""
    given = ["7", "a/b", "7"]
    together = ask(served, user_id=served.model.users[5], items=given, k=1000)
    assert together == ask(served, items=history(served, 5) + given, k=1000)


@pytest.fixture
def fading(load: Load, make_folder: Callable[..., Path]) -> Served:
    """Load a model where what was chosen late counts most."""
    return load(make_folder(fades=True))


def scored(served: Served, counts: dict[str, float]) -> list[float]:
    """Return the scores of what is recommended to who brings items that count so much."""
    items = [{"item_id": item, "weight": weight} for item, weight in counts.items()]
    return [item["score"] for item in ask(served, items=items, k=1000)["items"]]


def test_each_item_of_a_history_counts_as_the_model_says(fading: Served, served: Served) -> None:
    """A user is the sum of what was chosen, each times its confidence."""
    for user in range(1, len(fading.model.users)):
        confidence = fading.model.confidence[fading.model.history.bounds(user)].tolist()
        counts = dict(zip(history(fading, user), confidence, strict=True))
        by_user = ask(fading, user_id=fading.model.users[user], k=1000)
        assert [item["score"] for item in by_user["items"]] == scored(served, counts)


def test_of_listed_items_the_latest_counts_most(fading: Served, served: Served) -> None:
    """The last counts 1, the one before it a half, all before that a quarter, as often as named."""
    listed = ["7", "a/b", "item-9", "item-7", "7", "item-8", "no such"]
    counts = {"item-8": 1, "7": 0.5, "item-7": 0.25, "item-9": 0.25, "a/b": 0.25}
    answer = ask(fading, items=listed, k=1000)
    assert [item["score"] for item in answer["items"]] == scored(served, counts)
    doubled = [{"item_id": "item-9", "weight": 2}, "item-8"]
    assert scored(served, {"item-9": 1, "item-8": 1}) == [
        item["score"] for item in ask(fading, items=doubled, k=1000)["items"]
    ]


def test_what_was_seen_comes_back_when_asked_for(served: Served) -> None:
    """Without `exclude_seen` the user's own items compete too."""
    seen = set(history(served, 5))
    answer = ask(served, user_id=served.model.users[5], k=1000, exclude_seen=False)
    assert seen & set(ids(answer))


def test_excluded_items_stay_out(served: Served) -> None:
    """`exclude_items` removes those and leaves the others in their order."""
    everything = ids(ask(served, user_id=served.model.users[5], k=1000))
    answer = ask(served, user_id=served.model.users[5], k=1000, exclude_items=everything[::2])
    assert ids(answer) == everything[1::2]


@pytest.mark.parametrize("who", [{"user_id": "nobody"}, {"items": []}, {"items": ["no such"]}])
def test_nobody_known_gets_what_is_popular(served: Served, who: dict[str, object]) -> None:
    """An unknown user, or one who brings nothing known, gets the popular items, and is told."""
    answer = ask(served, k=5, **who)
    trend = served.model.trend.tolist()
    expected = sorted(range(len(trend)), key=lambda item: (-trend[item], item))[:5]
    assert answer["fallback"] == "popular"
    assert ids(answer) == [served.model.items[item] for item in expected]
    assert [item["score"] for item in answer["items"]] == [trend[item] for item in expected]


def test_no_neighbour_left_gets_what_is_popular(served: Served, item_ids: list[str]) -> None:
    """When every neighbour is excluded, the popular items stand in, less the excluded."""
    neighbours = ids(ask(served, items=["7"], k=1000))
    answer = ask(served, items=["7"], k=1000, exclude_items=neighbours)
    assert answer["fallback"] == "popular"
    assert set(ids(answer)) == {*item_ids} - {*neighbours, "7"}


def test_unknown_items_are_listed(served: Served) -> None:
    """Unknown ids among `items` and `exclude_items` are named once, in the order given."""
    answer = ask(served, items=["x2", "7", "x1", "x2"], exclude_items=["x3", "007", "x1"])
    assert answer["unknown_items"] == ["x2", "x1", "x3"]


def test_titles_are_those_of_the_catalogue(served: Served, item_ids: list[str]) -> None:
    """Each item has its own title, or none where the catalogue has none."""
    answer = ask(served, user_id="nobody", k=1000)
    expected = {i: None if n % 3 == 0 else f"Title of {i}" for n, i in enumerate(item_ids)}
    assert {item["item_id"]: item["title"] for item in answer["items"]} == expected


def test_similar_items_are_the_row_of_the_model(served: Served) -> None:
    """Neighbours come strongest first, with the model's own weights, and k cuts them."""
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


def test_an_unknown_item_has_no_similar_ones(served: Served) -> None:
    """The answer to an id that the model does not know is None."""
    assert answers.similar(served, "no such item", k=5) is None


def test_weights_count(served: Served) -> None:
    """An item's weight scales what it adds; the last of equal items counts, and beats a history."""
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


def test_candidates_are_all_that_is_ranked(served: Served) -> None:
    """Candidates keep the order that they have among all items; unknown ones are named."""
    everything = ids(ask(served, user_id=served.model.users[5], k=1000))
    some = [*everything[::3], "no such"]
    answer = ask(served, user_id=served.model.users[5], k=1000, candidates=some[::-1])
    assert ids(answer) == everything[::3]
    assert answer["unknown_items"] == ["no such"]
    assert ids(ask(served, user_id=served.model.users[5], candidates=[])) == []


def test_an_unknown_user_gets_popular_candidates(served: Served) -> None:
    """The fallback, too, keeps to the candidates, and `scores` gives the shares of users."""
    answer = ask(served, user_id="nobody", candidates=["7", "a/b", "007"])
    assert answer["fallback"] == "popular"
    assert sorted(ids(answer)) == ["007", "7", "a/b"]
    scores = answers.scores(served, ScoresRequest(user_id="nobody", candidates=ids(answer)))
    assert scores["fallback"] == "popular"
    assert [s["score"] for s in scores["scores"]] == [i["score"] for i in answer["items"]]


def test_explanations_add_up(served: Served) -> None:
    """Without being asked nobody explains; else shares are of own items and add up to the score."""
    users = [served.model.users[user] for user in range(1, 30)]
    for user in users:
        assert "because" not in ask(served, user_id=user)["items"][0]
        own = set(history(served, served.model.users.find(user) or 0))
        for item in ask(served, user_id=user, explain=True)["items"]:
            shares = [reason["share"] for reason in item["because"]]
            assert {reason["item_id"] for reason in item["because"]} <= own
            assert shares == sorted(shares, reverse=True)
            assert sum(shares) == pytest.approx(item["score"], abs=1e-5)
    assert ask(served, user_id="nobody", explain=True)["items"][0]["because"] == []


def test_many_reasons_are_summed_up(load: Load, make_folder: Callable[..., Path]) -> None:
    """Beyond twenty reasons the rest is one more, without an id, and the sum still holds."""
    served = load(make_folder(items=100, neighbours=90))
    items = [served.model.items[item] for item in range(1, 60)]
    for item in ask(served, items=items, explain=True)["items"]:
        *named, rest = item["because"]
        assert len(named) == 20
        assert rest["item_id"] is None
        assert sum(r["share"] for r in item["because"]) == pytest.approx(item["score"], abs=1e-5)


def test_questions_name_nobody(served: Served) -> None:
    """Each gate user's earlier and latest items, by their ids."""
    told = answers.questions(served)
    assert told["model"] == served.info
    assert [q["items"] for q in told["questions"]] == [
        [served.model.items[i] for i in served.model.questions[row].tolist()]
        for row in range(len(served.model.questions))
    ]
    assert len(told["questions"]) == 3
