"""From ids to ids: whose history counts, what is left out, and what is said of the unknown."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from modelsystem_scorer import answers
from modelsystem_scorer.messages import RecommendationRequest, Recommendations
from modelsystem_scorer.serving import Served

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
    popularity = served.model.popularity.tolist()
    expected = sorted(range(len(popularity)), key=lambda item: (-popularity[item], item))[:5]
    assert answer["fallback"] == "popular"
    assert ids(answer) == [served.model.items[item] for item in expected]
    assert [item["score"] for item in answer["items"]] == [
        popularity[item] / 40 for item in expected
    ]


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
