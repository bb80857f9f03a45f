"""Each route of version 1 and of the site: its answer; and any id in a path."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from modelsystem_scorer.engine import ServedModel


def get(client: FlaskClient, path: str) -> Any:
    """Return the JSON of a successful answer."""
    response = client.get(path)
    assert response.status_code == 200, response.text
    return response.json


def test_front_is_two_lines(client: FlaskClient) -> None:
    """The seed system's contract: score and build number, as in the marker."""
    response = client.get("/")
    assert response.mimetype == "text/plain"
    assert response.text == "Score: 0.148812\nBuild Number:20180523.5\n"


def test_recommendations_have_the_stated_form(client: FlaskClient, served: ServedModel) -> None:
    """The answer has all its keys, and the model's identity with its score as a number."""
    answer = client.post("/v1/recommendations", json={"user_id": served.model.users[9], "k": 2})
    assert answer.json is not None
    assert answer.json.keys() == {"items", "fallback", "unknown_items", "model"}
    assert len(answer.json["items"]) == 2
    assert all(item.keys() == {"item_id", "title", "score"} for item in answer.json["items"])
    digest = served.published.manifest.digest
    assert answer.json["model"] == {"build": "20180523.5", "digest": digest, "score": 0.148812}


def test_every_user_has_a_path(client: FlaskClient, user_ids: list[str]) -> None:
    """Slashes, blanks and any other characters of an id reach the model, quoted or not."""
    for user in user_ids:
        by_post = client.post("/v1/recommendations", json={"user_id": user, "k": 3}).json
        for safe in ("", "/"):
            path = f"/v1/users/{quote(user, safe=safe)}/recommendations?k=3"
            assert get(client, path) == by_post


def test_every_item_has_a_path(client: FlaskClient, item_ids: list[str]) -> None:
    """Each item is found by its id, also with a line break or a NUL in it."""
    for item in item_ids:
        answer = get(client, f"/v1/items/{quote(item, safe='')}/similar")
        assert answer["item_id"] == item
        assert answer.keys() == {"item_id", "title", "items", "model"}


def test_k_is_twenty_unless_given(client: FlaskClient) -> None:
    """The query's k cuts the answer; the default is 20."""
    assert len(get(client, "/v1/users/unknown/recommendations")["items"]) == 20
    assert len(get(client, "/v1/users/unknown/recommendations?k=1000")["items"]) == 30
    assert len(get(client, "/v1/items/7/similar?k=1")["items"]) == 1


def test_ids_stay_what_they_are(client: FlaskClient) -> None:
    """007 is not 7, and a/b is not a//b."""
    answers = [get(client, f"/v1/items/{i}/similar") for i in ("007", "7", "a/b", "a//b")]
    assert len({json.dumps(answer["items"]) for answer in answers}) == 4


def test_health_and_readiness(client: FlaskClient, served: ServedModel) -> None:
    """The probes answer, and readiness names the model."""
    assert client.get("/healthz").text == "ok"
    digest = served.published.manifest.digest
    assert get(client, "/readyz") == {"build": "20180523.5", "digest": digest}


def test_provenance_is_the_manifest(client: FlaskClient, served: ServedModel) -> None:
    """The answer is the trainer's file, byte for byte."""
    file = served.published.attempt / "manifest.json"
    response = client.get("/v1/provenance")
    assert response.mimetype == "application/json"
    assert response.data == file.read_bytes()


@pytest.mark.parametrize("media_type", ["application/json", "application/json; charset=utf-8"])
def test_json_may_name_its_encoding(client: FlaskClient, media_type: str) -> None:
    """Parameters of the media type are accepted."""
    body = '{"items": ["Ünï ☃"]}'.encode()
    response = client.post("/v1/recommendations", data=body, content_type=media_type)
    assert response.json is not None
    assert response.json["unknown_items"] == []
