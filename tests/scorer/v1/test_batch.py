"""Batches: each request gets its own answer, or its own error."""

from typing import Any

from flask.testing import FlaskClient

PATH = "/v1/recommendations/batch"


def ask(client: FlaskClient, *requests: Any) -> list[dict[str, Any]]:
    """Return the rows of the answer to a valid batch."""
    response = client.post(PATH, json={"requests": requests})
    assert response.json is not None
    assert response.status_code == 200, response.text
    assert len(response.json["answers"]) == len(requests)
    return response.json["answers"]


def test_each_answer_is_that_of_a_request_alone(client: FlaskClient, user_ids: list[str]) -> None:
    """A batch of all users gets the answers of single requests."""
    requests = [{"user_id": user, "k": 3, "explain": True} for user in user_ids]
    alone = [client.post("/v1/recommendations", json=request).json for request in requests]
    assert ask(client, *requests) == [{"answer": answer, "error": None} for answer in alone]


def test_an_error_is_for_its_own_request(client: FlaskClient) -> None:
    """An invalid request gets the problem that it gets alone; the others get answers."""
    invalid: list[Any] = [{}, None, 7, [], {"items": ["7"], "k": 0}, {"user": "u"}]
    rows = ask(client, {"items": ["7"]}, *invalid, {"items": ["7"]})
    assert [row["error"] is None for row in rows] == [True, *[False] * len(invalid), True]
    fields = [[fault["field"] for fault in row["error"]["errors"]] for row in rows[1:-1]]
    assert fields == [["body"], ["body"], ["body"], ["body"], ["k"], ["user"]]
    assert all(row["error"]["status"] == 422 and row["answer"] is None for row in rows[1:-1])


def test_the_size_of_a_batch_is_bounded(client: FlaskClient) -> None:
    """The first request beyond the limits of a batch, and all after it, get errors."""
    rows = ask(client, *[{"user_id": "u", "k": 1000}] * 11, {"user_id": "u"})
    assert [row["answer"] is not None for row in rows] == [True] * 10 + [False] * 2
    many = {"items": ["7"], "exclude_items": ["7"] * 9_999}
    rows = ask(client, many, many, {"items": ["7"]})
    assert [row["answer"] is not None for row in rows] == [True, True, False]
    assert "20,000 ids" in rows[2]["error"]["detail"]


def test_the_number_of_requests_is_bounded(client: FlaskClient) -> None:
    """None and a hundred are accepted; with one more the batch is refused."""
    assert ask(client) == []
    assert len(ask(client, *[{"items": []}] * 100)) == 100
    assert client.post(PATH, json={"requests": [{"items": []}] * 101}).status_code == 422
