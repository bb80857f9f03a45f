"""Many requests at once: each one's own answer, or its own error."""

from typing import Any

from flask.testing import FlaskClient

PATH = "/v1/recommendations/batch"


def ask(client: FlaskClient, *requests: Any) -> list[dict[str, Any]]:
    """Return the answers to a batch that must succeed."""
    response = client.post(PATH, json={"requests": requests})
    assert response.json is not None
    assert response.status_code == 200, response.text
    assert len(response.json["answers"]) == len(requests)
    return response.json["answers"]


def test_each_answer_is_that_of_a_request_alone(client: FlaskClient, user_ids: list[str]) -> None:
    """A batch of all users says what each of them would be told."""
    requests = [{"user_id": user, "k": 3, "explain": True} for user in user_ids]
    alone = [client.post("/v1/recommendations", json=request).json for request in requests]
    assert ask(client, *requests) == [{"answer": answer, "error": None} for answer in alone]


def test_an_error_is_for_its_own_request(client: FlaskClient) -> None:
    """What is no request gets the problem that it would get alone; the others get answers."""
    wrong: list[Any] = [{}, None, 7, [], {"items": ["7"], "k": 0}, {"user": "u"}]
    rows = ask(client, {"items": ["7"]}, *wrong, {"items": ["7"]})
    assert [row["error"] is None for row in rows] == [True, *[False] * len(wrong), True]
    fields = [[fault["field"] for fault in row["error"]["errors"]] for row in rows[1:-1]]
    assert fields == [["body"], ["body"], ["body"], ["body"], ["k"], ["user"]]
    assert all(row["error"]["status"] == 422 and row["answer"] is None for row in rows[1:-1])


def test_a_batch_may_not_ask_for_too_much(client: FlaskClient) -> None:
    """The request that goes beyond what a batch may ask for, and those after it, get errors."""
    rows = ask(client, *[{"user_id": "u", "k": 1000}] * 11, {"user_id": "u"})
    assert [row["answer"] is not None for row in rows] == [True] * 10 + [False] * 2
    many = {"items": ["7"], "exclude_items": ["7"] * 9_999}
    rows = ask(client, many, many, {"items": ["7"]})
    assert [row["answer"] is not None for row in rows] == [True, True, False]
    assert "20,000 ids" in rows[2]["error"]["detail"]


def test_a_batch_is_bounded(client: FlaskClient) -> None:
    """A hundred requests are taken, one more is refused as a whole, and none is fine."""
    assert ask(client) == []
    assert len(ask(client, *[{"items": []}] * 100)) == 100
    assert client.post(PATH, json={"requests": [{"items": []}] * 101}).status_code == 422
