"""What is recorded of a request: its id, its line in the log, its counts."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from modelsystem_scorer.app import create_app
from modelsystem_scorer.engine import ServedModel
from modelsystem_scorer.observe import Counters, Observer
from modelsystem_shared import logs
from modelsystem_shared.manifest import Manifest, RunPart

Load = Callable[..., ServedModel]


@pytest.mark.parametrize("request_id", ["a", "01HX-:_./+=", "x" * 128])
def test_a_request_can_bring_its_id(client: FlaskClient, request_id: str) -> None:
    """The answer has the same id."""
    answer = client.get("/healthz", headers={"X-Request-Id": request_id})
    assert answer.headers["X-Request-Id"] == request_id


@pytest.mark.parametrize("request_id", [None, "", "a b", "é", "x" * 129, "{}", "a,b"])
def test_other_requests_get_an_id(client: FlaskClient, request_id: str | None) -> None:
    """A new one each time, also for errors and instead of a malformed id."""
    headers = {} if request_id is None else {"X-Request-Id": request_id}
    answers = [client.get(path, headers=headers) for path in ("/", "/x", "/")]
    new_ids = [answer.headers["X-Request-Id"] for answer in answers]
    assert len({*new_ids, request_id}) == 4
    assert all(len(new_id) == 32 for new_id in new_ids)


def test_each_request_is_a_line(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    """It has id, method, route, status, duration and build, but no path, query or body."""
    with caplog.at_level(logging.INFO):
        client.get("/v1/users/SECRET/recommendations?k=7", headers={"X-Request-Id": "id-1"})
        client.post("/v1/recommendations", json={"user_id": "SECRET", "sort": "SECRET"})
        client.get("/SECRET")
    lines = [vars(record) for record in caplog.records]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("GET", "/v1/users/{user_id}/recommendations", 200),
        ("POST", "/v1/recommendations", 422),
        ("GET", "other", 404),
    ]
    assert lines[0]["request_id"] == "id-1"
    assert all(line["build"] == "20180523.5" for line in lines)
    assert all(0 < line["milliseconds"] < 10_000 for line in lines)
    assert "SECRET" not in json.dumps(lines, default=str)


def test_the_trace_goes_from_the_build_to_each_answer(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The build's is in header and line, also of an error; a line has the request's, if valid."""
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    with caplog.at_level(logging.INFO):
        answers = [
            client.get(path, headers={"traceparent": value})
            for path, value in (("/", parent), ("/nowhere", parent.upper()))
        ]
    lines = [vars(record) for record in caplog.records]
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    assert {answer.headers["X-Model-Trace"] for answer in answers} == {trace}
    assert {line["model_trace"] for line in lines} == {trace}
    assert lines[0]["traceparent"] == parent
    assert "traceparent" not in lines[1]


@pytest.mark.usefixtures("own_handlers")
@pytest.mark.parametrize("log_format", ["json", "text"])
def test_lines_can_wait_and_are_written_together(
    capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    """In their order, once the clock of a loop says so; what waits at the end is not lost."""
    logs.configure("scorer", log_format)
    observer = Observer(Counters(["/"]), {"build": "7"}, {}, logs=True)
    calls: list[Callable[[], None]] = []
    observer.log_together(calls.append)
    for number in range(3):
        observer.record("GET", "/", 200, 0.1, f"id-{number}")
    assert not capsys.readouterr().out
    (call,) = calls
    call()
    assert capsys.readouterr().out.count("GET / 200") == 3
    observer.record("GET", "/", 404, 0.1, "id-3")
    assert len(calls) == 2
    observer.flush()
    assert capsys.readouterr().out.count("GET / 404") == 1


def test_a_model_without_a_trace_has_no_header(model_folder: Path, load: Load) -> None:
    """Neither without a traceparent in the manifest, nor with a malformed one."""
    served = load(model_folder)
    for parent in (None, "00-0"):
        run: RunPart = {**served.published.manifest.run, "traceparent": parent}
        published = replace(
            served.published, manifest=Manifest(served.published.manifest.model, run)
        )
        untraced = replace(served, published=published)
        assert set(untraced.headers) == {"X-Model-Build", "X-Model-Digest"}
        assert set(untraced.facts) == {"build"}


def test_the_log_can_be_off(served: ServedModel, caplog: pytest.LogCaptureFixture) -> None:
    """Requests are counted all the same."""
    client = create_app(served, access_log=False).test_client()
    with caplog.at_level(logging.INFO):
        client.get("/healthz")
    assert not caplog.records
    assert (
        'requests_total{method="GET",route="/healthz",status="200"} 1.0'
        in client.get("/metrics").text
    )


def test_answers_are_counted_by_kind(client: FlaskClient, user_ids: list[str]) -> None:
    """Personal, by items, and fallbacks; also those of a batch and of v2."""
    client.post("/v1/recommendations", json={"user_id": user_ids[5]})
    client.get("/v1/users/unknown/recommendations")
    requests = [{"items": ["7"]}, {"items": ["7"], "user_id": "unknown"}, {}]
    client.post("/v1/recommendations/batch", json={"requests": requests})
    tensor = {
        "name": "user_id",
        "datatype": "BYTES",
        "shape": [2],
        "data": [user_ids[5], "unknown"],
    }
    client.post("/v2/models/modelsystem/infer", json={"inputs": [tensor]})
    text = client.get("/metrics").text
    for kind, count in (("personal", 2), ("items", 2), ("fallback", 2)):
        assert f'answers_total{{kind="{kind}"}} {count}.0' in text


def test_all_workers_are_counted(start_site: Callable[..., Any], model_folder: Any) -> None:
    """Every worker returns the counts of all, also of a worker that was killed."""
    site = start_site(MODELFOLDER=model_folder, WORKERS="3")
    for _ in range(30):
        site.ask("/v1/provenance")
    site.wait_until(lambda: _lines(site) == 30)
    site.kill_workers()
    for _ in range(30):
        site.ask("/v1/provenance")
    for _ in range(6):
        text = site.ask("/metrics").body.decode()
        assert 'requests_total{method="GET",route="/v1/provenance",status="200"} 60.0' in text
    site.process.terminate()
    assert site.end() == 0
    assert _lines(site) == 60


def _lines(site: Any) -> int:
    return sum("GET /v1/provenance 200" in line for line in site.log().splitlines())
