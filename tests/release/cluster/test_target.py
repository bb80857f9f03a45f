"""A build's pods and site through kubectl, while pods come and go."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.release.fake_cluster import Cluster, pod

from modelsystem_release.cluster import Target, programs
from modelsystem_shared.errors import ServiceError


class Scorer(BaseHTTPRequestHandler):
    """Answers everything with one recommendation."""

    def do_POST(self) -> None:
        """Answer a request."""
        content = json.dumps({"items": [{"item_id": "a"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        """Answer a request."""
        self.do_POST()

    def log_message(self, format: str, *_: object) -> None:
        """Log nothing."""


def scorer() -> ThreadingHTTPServer:
    """Start a site."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Scorer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def url(server: ThreadingHTTPServer) -> str:
    """Return a site's URL."""
    return f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """Return a fake cluster that this process uses."""
    fake = Cluster(tmp_path / "cluster")
    for name, value in fake.environ.items():
        monkeypatch.setenv(name, value)
    programs.find.cache_clear()
    yield fake
    programs.find.cache_clear()


def test_a_forward_survives_its_pod(cluster: Cluster) -> None:
    """The forward ends with the pod that it forwarded to; the next request goes to another pod."""
    first, second = scorer(), scorer()
    cluster.change(sites={"scoring-152": url(first)})
    with Target("models").site("152") as site:
        assert site.recommend((), 1).items == ("a",)
        cluster.change(sites={"scoring-152": url(second)})
        first.shutdown()
        first.server_close()
        cluster.end_forwards()
        site._pool.clear()  # the server's handler would go on with the connection that is open
        answer = site.recommend((), 1)
        assert (answer.items, answer.fault) == (("a",), "")
        assert site.url == url(second)
        assert answer.seconds < 1
    second.shutdown()
    second.server_close()


def test_a_site_that_fails_behind_a_good_forward_is_not_asked_twice(cluster: Cluster) -> None:
    """Its fault counts."""
    server = scorer()
    cluster.change(sites={"scoring-152": url(server)})
    with Target("models").site("152") as site:
        server.shutdown()
        server.server_close()
        assert site.recommend((), 1).fault


def test_only_pods_that_serve_are_read(cluster: Cluster) -> None:
    """Not one that ends, nor one that is not ready; one that has just gone is no fault."""
    server = scorer()
    ending = pod("ending", "152")
    ending["metadata"]["deletionTimestamp"] = "2026-11-26T05:58:38Z"
    starting = pod("starting", "152", conditions=[{"type": "Ready", "status": "False"}])
    cluster.add(pod("good", "152"), pod("gone", "152"), ending, starting)
    cluster.change(sites={"good": url(server)})
    target = Target("models")
    assert [*target.metrics("152")] == ["uid-good"]
    assert len(target.pods("152")) == 4
    server.shutdown()
    server.server_close()
    with pytest.raises(ServiceError):
        target.metrics("152")
