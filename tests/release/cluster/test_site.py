"""What is accepted of a site's answers."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from modelsystem_release.cluster import GateQuestions, Popularity, Question, Site
from modelsystem_shared.errors import CorruptModelError, ServiceError

Serve = Callable[[dict[str, object]], Site]
DATA = {
    "location": "/data", "files": [], "rows": 9, "rows_rejected": 0, "rows_of_other_tenants": 0,
    "users": 3, "items": 4, "interactions": 9, "history_lengths": [],
}  # fmt: skip


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that serves JSON by path, with status 200; other paths have 404."""
    servers: list[ThreadingHTTPServer] = []

    def start(answers: dict[str, object]) -> Site:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer = answers.get(self.path)
                content = json.dumps(answer).encode()
                self.send_response(404 if answer is None else 200)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("X-Model-Build", "153")
                self.end_headers()
                self.wfile.write(content)

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,)).start()
        return Site(f"http://127.0.0.1:{servers[-1].server_port}")

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_questions_are_read(serve: Serve) -> None:
    """Earlier items in their order; held-out items without one."""
    user = {"items": ["b", "a"], "answers": ["c"]}
    with serve({"/v1/evaluation/questions": {"questions": [user]}}) as site:
        assert site.questions() == GateQuestions((Question(("b", "a"), frozenset({"c"})),))


def test_the_popularity_of_the_items_is_read(serve: Serve) -> None:
    """A site whose model has no histories says null."""
    for content, popularity in (
        ({"users": 9, "item_ids": ["a", "b"], "counts": [3, 0]}, Popularity(9, {"a": 3, "b": 0})),
        (None, None),
    ):
        answer = {"questions": [], "popularity": content}
        with serve({"/v1/evaluation/questions": answer}) as site:
            assert site.questions() == GateQuestions((), popularity)


def test_without_questions_the_cure_is_named(serve: Serve) -> None:
    """They are off by default."""
    with serve({}) as site, pytest.raises(ServiceError, match="set EVALUATION_ENDPOINT=on"):
        site.questions()


def test_another_answer_is_refused_with_its_place(serve: Serve) -> None:
    """Such as that of another program behind the same URL."""
    questions = {"questions": [{"items": "a", "answers": []}]}
    refused = pytest.raises(ServiceError, match=r"unexpected answer: .*items is not a list")
    with serve({"/v1/evaluation/questions": questions}) as site, refused:
        site.questions()
    with serve({"/v1/recommendations": {"items": [{"id": "a"}]}}) as site:
        assert site.recommend(["a"], 1).fault == "invalid answer"


def test_a_recommendation_names_its_model(serve: Serve) -> None:
    """By the headers of the answer."""
    with serve({"/v1/recommendations": {"items": [{"item_id": "b"}]}}) as site:
        answer = site.recommend(["a"], 1)
    assert (answer.items, answer.build, answer.fault) == (("b",), "153", "")


def test_a_fault_is_an_answer_too(serve: Serve) -> None:
    """A status, or the name of what went wrong with the connection."""
    with serve({}) as site:
        assert site.recommend(["a"], 1).fault == "status 404"
    with Site("http://127.0.0.1:1") as nowhere:
        assert nowhere.recommend(["a"], 1).fault == "NewConnectionError"


def test_the_data_of_an_older_format_can_be_read(serve: Serve) -> None:
    """A champion may be of the build before the format changed; its manifest is not parsed."""
    provenance = {"model": {"format": 1, "build": "152", "files": [], "data": DATA}, "run": {}}
    with serve({"/v1/provenance": provenance}) as site:
        assert site.data()["items"] == 4
        with pytest.raises(CorruptModelError, match="format 1"):
            site.manifest()
