"""Every kind of error: its status, its form, and the fields that it names."""

import json
import logging
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from modelsystem_scorer.app import create_app
from modelsystem_scorer.engine import ServedModel

POST = "/v1/recommendations"
WRONG_FIELDS: list[tuple[Any, list[str]]] = [
    ({}, ["body"]),
    ([], ["body"]),
    (None, ["body"]),
    ({"user_id": None, "items": None}, ["body"]),
    ({"user_id": 7}, ["user_id"]),
    ({"user_id": "u" * 1001}, ["user_id"]),
    ({"items": "7"}, ["items"]),
    ({"items": ["7", 7, None]}, ["items.1", "items.2"]),
    ({"items": ["7"] * 1001}, ["items"]),
    ({"items": [], "k": 0}, ["k"]),
    ({"items": [], "k": 1001}, ["k"]),
    ({"items": [], "k": True}, ["k"]),
    ({"items": [], "k": "20"}, ["k"]),
    ({"items": [], "k": float("nan")}, ["k"]),
    ({"items": [], "exclude_seen": 1}, ["exclude_seen"]),
    ({"items": [], "exclude_items": None}, ["exclude_items"]),
    ({"items": [], "exclude_items": ["x"] * 10_001}, ["exclude_items"]),
    ({"user": "u"}, ["user"]),
    ({"user_id": 7, "k": 0, "sort": 1}, ["user_id", "k", "sort"]),
]
NOT_JSON = {
    "nothing": b"",
    "cut": b'{"items": [',
    "not UTF-8": b'{"user_id": "\xff"}',
    "a lone surrogate": rb'{"user_id": "\ud800"}',
    "too deep": b"[" * 100_000,
    "a huge number": b'{"items": [], "k": ' + b"9" * 5000 + b"}",
    "a byte order mark": b'\xef\xbb\xbf{"items": []}',
}


def fields_of(response: TestResponse, status: int) -> list[str]:
    """Check the form of problem details, and return the fields that they name."""
    problem = response.json
    assert problem is not None
    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    assert problem.keys() == {"type", "title", "status", "detail", "errors"}
    assert problem["status"] == status
    assert problem["title"]
    assert all(error["message"] for error in problem["errors"])
    assert not re.search("[Ii]nput should|inputs are|[Ff]ield required", problem["detail"])
    assert all(error["field"] in problem["detail"] for error in problem["errors"])
    return [error["field"] for error in problem["errors"]]


def post(client: FlaskClient, body: bytes, media_type: str = "application/json") -> TestResponse:
    """Request recommendations."""
    return client.post(POST, data=body, content_type=media_type)


@pytest.mark.parametrize(("body", "fields"), WRONG_FIELDS)
def test_wrong_fields_are_named(client: FlaskClient, body: Any, fields: list[str]) -> None:
    """Invalid JSON objects are unprocessable, with all fields that are wrong."""
    assert fields_of(post(client, json.dumps(body).encode()), 422) == fields


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/v1/users/u/recommendations?k2=5", "k2: unknown query parameter"),
        ("/v1/provenance?k=5", "k: unknown query parameter"),
        ("/v1/users/u/recommendations?k=x", "k: must be a whole number"),
        ("/v1/users/u/recommendations?k=0", "k: must be at least 1"),
        ("/v1/users/u/recommendations?k=1001", "k: must be at most 1000"),
        ("/v1/items", "q: required"),
    ],
)
def test_a_wrong_query_is_a_sentence(client: FlaskClient, path: str, sentence: str) -> None:
    """In our words, not in those of the library that checks it."""
    response = client.get(path)
    fields_of(response, 400)
    assert response.json is not None
    assert response.json["detail"] == sentence


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"items": [], "sort": 1}, "sort: unknown field"),
        ({"user_id": 7}, "user_id: must be a string"),
        ({"user_id": "u" * 1001}, "user_id: must have at most 1000 characters"),
        ({"items": "7"}, "items: must be a list"),
        ({"items": [7]}, "items.0: must be an object"),
        ({"items": [], "exclude_seen": 1}, "exclude_seen: must be true or false"),
        ({}, "body: user_id or items is required"),
        ([], "body: must be an object"),
    ],
)
def test_a_wrong_field_is_a_sentence(client: FlaskClient, body: Any, sentence: str) -> None:
    """In our words, too."""
    response = post(client, json.dumps(body).encode())
    fields_of(response, 422)
    assert response.json is not None
    assert response.json["detail"] == sentence


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_a_body_that_is_not_json_is_a_bad_request(client: FlaskClient, body: bytes) -> None:
    """The problem names the body."""
    assert fields_of(post(client, body), 400) == ["body"]


def test_the_last_of_duplicate_keys_counts(client: FlaskClient) -> None:
    """JSON leaves it open; most parsers do the same."""
    response = post(client, b'{"items": [], "k": 1, "k": 2}')
    assert response.json is not None
    assert len(response.json["items"]) == 2


def test_the_number_of_faults_is_bounded(client: FlaskClient) -> None:
    """Thousands of unknown fields do not make a long answer."""
    unknown = json.dumps({f"{n}" + "x" * 100: n for n in range(5000)}).encode()
    assert len(fields_of(post(client, unknown), 422)) == 20
    assert len(post(client, json.dumps({"x" * 10**6: 1}).encode()).data) < 1000


@pytest.mark.parametrize("media_type", ["text/plain", "", "application/x-www-form-urlencoded"])
def test_other_media_types_are_refused(client: FlaskClient, media_type: str) -> None:
    """Only JSON is read; the problem names the header."""
    assert fields_of(post(client, b'{"items": []}', media_type), 415) == ["Content-Type"]


def test_a_large_body_is_refused(client: FlaskClient) -> None:
    """1 MiB is accepted; one byte more is not."""
    body = b'{"items": []' + b" " * ((1 << 20) - 13) + b"}"
    assert post(client, body).status_code == 200
    assert fields_of(post(client, body + b" "), 413) == ["body"]


@pytest.mark.parametrize("path", ["/v1/users/u/recommendations", "/v1/items/7/similar"])
@pytest.mark.parametrize(
    "query", ["0", "1001", "-1", "x", "", "1.5", "%00", "%FF", "9" * 5000, "1&k=2"]
)
def test_a_bad_k_in_a_query_is_a_bad_request(client: FlaskClient, path: str, query: str) -> None:
    """A value that is not a number from 1 to 1000, or that is given twice."""
    assert fields_of(client.get(f"{path}?k={query}"), 400) == ["k"]


def test_an_unknown_parameter_is_a_bad_request(client: FlaskClient) -> None:
    """A misspelt parameter is refused, not ignored."""
    assert fields_of(client.get("/v1/items/7/similar?K=3"), 400) == ["K"]


def test_an_unknown_item_is_not_found(client: FlaskClient) -> None:
    """The problem names the item's id."""
    assert fields_of(client.get("/v1/items/no%20such/similar"), 404) == ["item_id"]


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/v1/users//recommendations",
        "/v1/items/7/similar/",
        "/healthz/",
        "/v1//provenance",
    ],
)
def test_an_unknown_path_is_not_found(client: FlaskClient, path: str) -> None:
    """No redirects and no guesses."""
    assert fields_of(client.get(path), 404) == ["path"]


def test_a_path_that_is_not_utf8_is_a_bad_request(client: FlaskClient) -> None:
    """Such bytes are not replaced: that would make them another id."""
    response = client.get("/", environ_overrides={"PATH_INFO": "/v1/users/\xff/recommendations"})
    assert fields_of(response, 400) == ["path"]


def test_a_wrong_method_is_refused(client: FlaskClient) -> None:
    """405 has an Allow header with the right methods."""
    response = client.get(POST)
    assert fields_of(response, 405) == ["method"]
    assert set(response.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


def test_an_unexpected_error_is_logged_and_not_shown(
    served: ServedModel, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a problem with status 500; only the log has the traceback."""
    app = create_app(served)
    app.add_url_rule("/broken", view_func=lambda: str(1 // 0))
    with caplog.at_level(logging.ERROR):
        response = app.test_client().get("/broken")
    assert fields_of(response, 500) == []
    assert "ZeroDivisionError" not in response.text
    assert "ZeroDivisionError" in caplog.text
