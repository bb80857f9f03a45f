"""Search for items by a part of their title or id."""

from flask.testing import FlaskClient

from modelsystem_scorer.engine import ServedModel


def expected(served: ServedModel, part: str) -> list[int]:
    """Return all matches, found by reading every item, trending ones first."""
    model = served.model
    order = sorted(range(model.n_items), key=lambda item: (-float(model.trend[item]), item))
    return [
        item
        for item in order
        if part in model.titles[item].casefold() or part in model.items[item].casefold()
    ]


def test_a_search_finds_all_matches(served: ServedModel) -> None:
    """In any case, in titles and in ids, trending items first, each item once."""
    for part in ("", "item-1", "TITLE OF", "ünï", "☃", "/", "a/b", "no such"):
        items = served.catalogue.find(part, 50)
        assert items == expected(served, part.casefold())
        assert served.catalogue.find(part, 2) == items[:2]


def test_the_search_over_http_is_bounded(client: FlaskClient) -> None:
    """K cuts the answer; the text is required and has at most 100 characters."""
    answer = client.get("/v1/items?q=item&k=3").json
    assert answer is not None
    assert len(answer["items"]) == 3
    assert answer["items"][0].keys() == {"item_id", "title"}
    for query in ("", "?k=3", "?q=" + "x" * 101, "?q=x&k=51"):
        assert client.get(f"/v1/items{query}").status_code == 400
