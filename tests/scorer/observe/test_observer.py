"""What is known of a request afterwards: its id, its line in the log, its counts."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from modelsystem_scorer.app import create_app
from modelsystem_scorer.engine.served import Served


@pytest.mark.parametrize("given", ["a", "01HX-:_./+=", "x" * 128])
def test_a_request_may_bring_its_id(client: FlaskClient, given: str) -> None:
    """It comes back in the answer."""
    assert client.get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", [None, "", "a b", "é", "x" * 129, "{}", "a,b"])
def test_other_requests_get_an_id(client: FlaskClient, given: str | None) -> None:
    """A new one each time, also for errors and for ids that could be anything."""
    headers = {} if given is None else {"X-Request-Id": given}
    made = [client.get(path, headers=headers).headers["X-Request-Id"] for path in ("/", "/x", "/")]
    assert len({*made, given}) == 4
    assert all(len(one) == 32 for one in made)


def test_each_request_is_a_line(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    """Id, method, route, status, duration and build; no path, no query and no body."""
    with caplog.at_level(logging.INFO):
        client.get("/v1/users/SECRET/recommendations?k=7", headers={"X-Request-Id": "id-1"})
        client.post("/v1/recommendations", json={"user_id": "SECRET", "sort": "SECRET"})
        client.get("/SECRET")
    lines = [vars(record) for record in caplog.records]
    assert [(x["method"], x["route"], x["status"]) for x in lines] == [
        ("GET", "/v1/users/{user_id}/recommendations", 200),
        ("POST", "/v1/recommendations", 422),
        ("GET", "other", 404),
    ]
    assert lines[0]["request_id"] == "id-1"
    assert all(x["build"] == "20180523.5" and 0 < x["milliseconds"] < 10_000 for x in lines)
    assert "SECRET" not in json.dumps(lines, default=str)


def test_the_log_can_be_off(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """Without it requests are counted all the same."""
    client = create_app(served, access_log=False).test_client()
    with caplog.at_level(logging.INFO):
        client.get("/healthz")
    assert not caplog.records
    assert (
        'requests_total{method="GET",route="/healthz",status="200"} 1.0'
        in client.get("/metrics").text
    )


def test_answers_are_counted_by_kind(client: FlaskClient, user_ids: list[str]) -> None:
    """Personal ones, those by items, and fallbacks; those of a batch and of v2, too."""
    client.post("/v1/recommendations", json={"user_id": user_ids[5]})
    client.get("/v1/users/nobody/recommendations")
    requests = [{"items": ["7"]}, {"items": ["7"], "user_id": "nobody"}, {}]
    client.post("/v1/recommendations/batch", json={"requests": requests})
    tensor = {"name": "user_id", "datatype": "BYTES", "shape": [2], "data": [user_ids[5], "nobody"]}
    client.post("/v2/models/modelsystem/infer", json={"inputs": [tensor]})
    text = client.get("/metrics").text
    for kind, count in (("personal", 2), ("items", 2), ("fallback", 2)):
        assert f'answers_total{{kind="{kind}"}} {count}.0' in text


def test_all_workers_are_counted(start_site: Callable[..., Any], model_folder: Any) -> None:
    """Whoever is asked tells of the requests of all, also of a worker that was killed."""
    site = start_site(MODELFOLDER=model_folder, WORKERS="3")
    for _ in range(30):
        site.ask("/v1/provenance")
    site.kill_workers()
    for _ in range(30):
        site.ask("/v1/provenance")
    for _ in range(6):
        text = site.ask("/metrics").body.decode()
        assert 'requests_total{method="GET",route="/v1/provenance",status="200"} 60.0' in text
    lines = [json.loads(line) for line in site.log().splitlines()]
    assert sum(line.get("route") == "/v1/provenance" for line in lines) == 60
