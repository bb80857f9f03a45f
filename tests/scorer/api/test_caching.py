"""ETags: exact for a build and a request, and only where an answer depends on nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from modelsystem_scorer.app import create_app
from modelsystem_scorer.engine import ServedModel

OF_MODEL = ["/", "/v1/provenance", "/v1/items?q=a", "/v1/items/7/similar", "/openapi.json", "/docs"]
OF_MODEL += ["/v1/users/user-1/recommendations?k=3", "/v2", "/v2/models/modelsystem"]
OF_MODEL += ["/assets/page.js"]
CHANGING = ["/healthz", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready"]
CHANGING += ["/v2/models/modelsystem/ready", "/nowhere", "/v1/items/nowhere/similar", "/v1/items"]
BODIES: list[tuple[str, dict[str, Any]]] = [
    ("/v1/recommendations", {"user_id": "user-1", "k": 3}),
    ("/v1/recommendations/batch", {"requests": [{"user_id": "user-1"}]}),
    ("/v1/scores", {"user_id": "user-1", "candidates": ["7"]}),
    (
        "/v2/models/modelsystem/infer",
        {"inputs": [{"name": "user_id", "datatype": "BYTES", "shape": [1], "data": ["user-1"]}]},
    ),
]


@pytest.mark.parametrize("path", OF_MODEL)
def test_an_answer_of_the_model_is_sent_once(client: FlaskClient, path: str) -> None:
    """Its ETag is strong and brings 304, also in a list and by `*`."""
    answer = client.get(path)
    etag = answer.headers["ETag"]
    assert answer.headers["Cache-Control"] == "no-cache"
    assert etag.startswith('"')
    for known in (etag, f'"x", W/{etag}', "*"):
        again = client.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == etag
        assert again.headers["X-Model-Build"] == "20180523.5"
    assert client.get(path, headers={"If-None-Match": '"x"'}).data == answer.data


@pytest.mark.parametrize("path", CHANGING)
def test_other_answers_are_never_kept(client: FlaskClient, path: str) -> None:
    """Probes, counters and errors."""
    answer = client.get(path, headers={"If-None-Match": '"x"'})
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers


@pytest.mark.parametrize(("path", "body"), BODIES)
def test_a_question_in_a_body_has_an_etag(
    client: FlaskClient, path: str, body: dict[str, Any]
) -> None:
    """The same for the same question, however it is written."""
    etag = client.post(path, json=body).headers["ETag"]
    turned = dict(reversed(body.items()))
    again = client.post(path, json=turned, headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    assert client.post(path, json=body, headers={"If-None-Match": '"x"'}).status_code == 200


def test_each_question_and_build_has_its_own_etag(
    make_folder: Callable[..., Path], load: Callable[..., ServedModel]
) -> None:
    """After another build has taken over, an answer is sent anew."""
    etags = set()
    for build in ("1", "2"):
        client = create_app(load(make_folder(name=build, build=build))).test_client()
        for body in ({"user_id": "a"}, {"user_id": "b"}, {"user_id": "a", "k": 1}):
            etags.add(client.post("/v1/recommendations", json=body).headers["ETag"])
        etags.add(client.get("/v1/users/a/recommendations").headers["ETag"])
        etags.add(client.get("/").headers["ETag"])
        etags.add(client.get("/", headers={"Accept": "text/html"}).headers["ETag"])
    assert len(etags) == 12
