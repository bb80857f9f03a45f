"""The hot way gives plain requests the answers of the ordinary way, and leaves it all others."""

import json
import logging
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from modelsystem_scorer import api
from modelsystem_scorer.app import create_app
from modelsystem_scorer.engine import ServedModel
from modelsystem_scorer.serve import wsgi
from modelsystem_scorer.serve.hot import HotWay

JSON = {"content-type": "application/json"}
REQUESTS: list[Any] = [
    {"user_id": "user-1"},
    {"user_id": "user-1", "k": 3.0},
    {"user_id": "user-1", "k": 1000},
    {"user_id": "\x7f/'<" + 996 * "u", "k": 1},
    {"k": 1000, "user_id": "u/1"},
    {"user_id": "élève", "k": 1, "exclude_seen": False},
    {"user_id": "unknown"},
    {"user_id": "unknown", "k": 5, "exclude_items": ["7", "nowhere", "7"]},
    {"user_id": ""},
    {"items": ["7", "a/b", "nowhere"]},
    {"items": []},
    {"items": [{"item_id": "007", "weight": 2.5}, "x\ny", "'\"<b>", "\x00"], "k": 30},
    {"user_id": "user-2", "items": ["😀"], "candidates": ["item-1", "item-2", "nowhere", "7"]},
    {"user_id": "user-2", "candidates": []},
    {"user_id": "user-3", "explain": True},
    {"user_id": "user-3", "exclude_items": [f"item-{n}" for n in range(30)]},
]
INVALID: list[bytes] = [
    b"",
    b"{",
    b"[]",
    b"{}",
    b'{"user_id": 7}',
    b'{"user_id": "user-1", "k": 0}',
    b'{"user_id": "user-1", "k": 1001}',
    b'{"user_id": "user-1", "k": 01}',
    b'{"user_id": "user-1" "k": 1}',
    b'{"user_id": "%b", "k": 1}' % (1001 * b"u"),
    b'{"user_id": "user-1", "sort": "up"}',
    b'{"user_id": "\\ud800"}',
    b'{"user_id": "\xff"}',
    b'{"items": ["7"], "k": NaN}',
]
QUERIES = ["", "k=1", "k=20", "k=1000", "k=0", "k=1001", "k=020", "k=1&k=2", "k", "q=1", "k=%31"]
ODD_HEADERS: list[dict[str, str]] = [
    {},
    {"content-type": "text/plain"},
    JSON | {"content-type": "application/json; charset=utf-8"},
    JSON | {"content-encoding": "gzip"},
    JSON | {"host": "a b"},
    JSON | {"host": ""},
    JSON | {"x-request-id": "id-1"},
    JSON | {"x-request-id": "a b"},
    JSON | {"if-none-match": '"other"'},
    JSON | {"if-none-match": "*"},
    JSON | {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"},
    JSON | {"traceparent": "00-0"},
]


class Asked(NamedTuple):
    """A request as ASGI has it."""

    scope: dict[str, Any]
    body: bytes

    @property
    def headers(self) -> dict[bytes, bytes]:
        """The headers by name."""
        return dict(self.scope["headers"])


def ask(
    method: str, path: str, query: str = "", body: bytes = b"", headers: dict[str, str] = JSON
) -> Asked:
    """Return a request to this quoted path."""
    fields = {"host": "x", "content-length": str(len(body)), **headers}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in fields.items()],
        "server": ("127.0.0.1", 3000),
        "client": ("127.0.0.1", 4000),
    }
    return Asked(scope, body)


def post(body: bytes, headers: dict[str, str] = JSON) -> Asked:
    """Return a request for recommendations."""
    return ask("POST", "/v1/recommendations", body=body, headers=headers)


def get(user_id: str, query: str = "", method: str = "GET") -> Asked:
    """Return a request for a user's recommendations."""
    return ask(method, f"/v1/users/{quote(user_id, safe='')}/recommendations", query, headers={})


def without_host(asked: Asked) -> Asked:
    """Return the same request without its header Host."""
    return Asked(asked.scope | {"headers": asked.scope["headers"][1:]}, asked.body)


def corpus() -> Iterable[Asked]:
    """Yield requests of all kinds."""
    yield from (post(json.dumps(request).encode()) for request in REQUESTS)
    yield post(b'{"user_id":"user-1","k":7}')  # without spaces
    yield from (post(body) for body in INVALID)
    yield from (post(b'{"user_id": "user-1"}', headers) for headers in ODD_HEADERS)
    yield from (get("user-1", query) for query in QUERIES)
    yield from (get(user) for user in ["u/1", "/recommendations", "élève", "user one", "😀/😀"])
    yield get("user-1", method="HEAD")
    yield get("user-1", method="PUT")
    yield without_host(post(b'{"user_id": "user-1"}'))
    yield without_host(get("user-1"))
    yield ask("GET", "/v1/users//recommendations")
    yield ask("GET", "/v1/users/%ff/recommendations")
    yield ask("GET", "/v1/users/u/recommendations/")


class Way:
    """A site that answers one way, with its counters and log."""

    def __init__(self, served: ServedModel, caplog: pytest.LogCaptureFixture) -> None:
        self.app = create_app(served)
        self.site = api.site_of(self.app)
        self.hot = HotWay(self.site)
        self._caplog = caplog

    def answer(self, asked: Asked, *, is_hot: bool) -> dict[str, Any]:
        """Return all that is seen of an answer, without ids, durations and dates."""
        self._caplog.clear()
        answer = self.hot.answer(asked.scope, asked.headers, asked.body) if is_hot else None
        answer = answer or wsgi.call(self.app, asked.scope, asked.body)
        headers = {name.decode().lower(): value.decode() for name, value in answer.headers}
        headers.pop("date", None)
        if len(headers["x-request-id"]) == 32:
            headers["x-request-id"] = "new"
        lines = [vars(record) for record in self._caplog.records if "route" in vars(record)]
        facts = ("method", "route", "status", "build", "message", "model_trace", "traceparent")
        return {
            "status": answer.status,
            "headers": headers,
            "content": answer.content,
            "lines": [{fact: line.get(fact) for fact in facts} for line in lines],
        }

    def counts(self) -> str:
        """Return the counts, without durations."""
        text = self.site.observer.counters.exposition().decode()
        return re.sub(r"(?m)^.*request_seconds.*$", "", text)


@pytest.fixture
def make_way(served: ServedModel, caplog: pytest.LogCaptureFixture) -> Callable[[], Way]:
    """Return a function that makes a site."""
    caplog.set_level(logging.INFO)
    return lambda: Way(served, caplog)


def test_both_ways_are_equal(make_way: Callable[[], Way]) -> None:
    """Answers, errors, headers, log lines and counters, for requests of all kinds."""
    ordinary, hot = make_way(), make_way()
    for asked in sorted(corpus(), key=lambda asked: b"host" in asked.headers):  # without first
        expected = ordinary.answer(asked, is_hot=False)
        assert hot.answer(asked, is_hot=True) == expected, asked
    assert hot.counts() == ordinary.counts()


def test_an_unchanged_answer_is_not_sent_again(make_way: Callable[[], Way]) -> None:
    """With its ETag both ways answer 304, with no content and nothing scored."""
    ordinary, hot = make_way(), make_way()
    for asked in (post(b'{"user_id": "user-1"}'), get("user-1")):
        etag = ordinary.answer(asked, is_hot=False)["headers"]["etag"]
        headers = [*asked.scope["headers"], (b"if-none-match", etag.encode())]
        again = Asked(asked.scope | {"headers": headers}, asked.body)
        before = hot.counts()
        answers = [way.answer(again, is_hot=way is hot) for way in (ordinary, hot)]
        assert answers[0] == answers[1]
        assert (answers[0]["status"], answers[0]["content"]) == (304, b"")
        assert 'answers_total{kind="personal"} 0.0' in before
        assert 'answers_total{kind="personal"} 0.0' in hot.counts()


def test_plain_requests_are_hot(make_way: Callable[[], Way]) -> None:
    """Each valid request of the corpus, and no other."""
    hot = make_way().hot

    def is_hot(asked: Asked) -> bool:
        return hot.answer(asked.scope, asked.headers, asked.body) is not None

    assert all(is_hot(post(json.dumps(request).encode())) for request in REQUESTS)
    assert all(is_hot(get("user-1", query)) for query in ["", "k=1", "k=1000"])
    assert not any(is_hot(post(body)) for body in INVALID)
    assert not any(is_hot(get("user-1", query)) for query in QUERIES[4:])
    assert not any(is_hot(post(b'{"user_id": "a"}', headers)) for headers in ODD_HEADERS[:6])
