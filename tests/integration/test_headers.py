"""The headers of answers, judged by httplint: what HTTP's documents demand and advise."""

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from httplint import HttpResponseLinter, levels, status

JSON = {"Content-Type": "application/json"}
ITEMS = json.dumps({"items": ["i1"]})
PATHS = [
    *("/", "/docs", "/report", "/openapi.json", "/model", "/healthz", "/readyz", "/metrics"),
    *("/v1/items?q=i", "/v1/users/u1/recommendations", "/v1/items/i1/similar", "/v1/questions"),
    *(
        "/v2",
        "/v2/health/ready",
        "/v2/models/model",
        "/nowhere",
        "/v1/users/u1/recommendations?k=0",
    ),
]
REQUESTS = [
    *(("GET", path, None) for path in PATHS),
    ("HEAD", "/", None),
    ("OPTIONS", "/v1/recommendations", None),
    ("POST", "/v1/recommendations", ITEMS),
    ("POST", "/v1/recommendations", "{"),
    ("DELETE", "/v1/recommendations", None),
]


def ask(site: str, method: str, path: str, body: str | None, **headers: str) -> Any:
    """Return an answer, with the whole body in `content`."""
    connection = http.client.HTTPConnection(urlsplit(site).netloc)
    connection.request(method, path, body, {**(JSON if body else {}), **headers})
    answer: Any = connection.getresponse()
    answer.content = answer.read()
    connection.close()
    return answer


def warnings(method: str, answer: Any) -> list[str]:
    """Return what httplint warns of, besides the status."""
    linter = HttpResponseLinter(start_time=time.time(), no_content=method == "HEAD")
    linter.process_response_topline(b"1.1", str(answer.status).encode(), answer.reason.encode())
    linter.process_headers([(n.encode(), v.encode()) for n, v in answer.getheaders()])
    if method != "HEAD":
        linter.feed_content(answer.content)
    linter.finish_content(True)
    notes = [note for note in linter.notes if note.level in (levels.WARN, levels.BAD)]
    return [str(note) for note in notes if type(note).__module__ != status.__name__]


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
def test_an_answer_has_the_headers_that_it_should_have(
    site: str, method: str, path: str, body: str | None
) -> None:
    """Pages, answers, probes and errors."""
    answer = ask(site, method, path, body)
    assert warnings(method, answer) == []


def test_an_unchanged_answer_has_them_too(site: str) -> None:
    """A 304 by the ETag of the answer before."""
    path = "/v1/users/u1/recommendations"
    etag = ask(site, "GET", path, None).getheader("ETag")
    answer = ask(site, "GET", path, None, **{"If-None-Match": etag})
    assert answer.status == http.client.NOT_MODIFIED
    assert warnings("GET", answer) == []


def test_a_fault_is_seen(site: str) -> None:
    """The same answer with a header that contradicts another one."""
    answer = ask(site, "GET", "/healthz", None)
    answer.headers["Cache-Control"] = "no-store, max-age=-1"
    assert warnings("GET", answer)
