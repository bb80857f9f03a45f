"""Training from blobs that are replaced, added and deleted while they are read."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.integration.azurite import NIGHT, Azurite
from tests.integration.conftest import Train, interactions
from tests.integration.results import digests, failure, sha256


class Relay(NamedTuple):
    """A proxy between a trainer and Azurite; `statuses` are those of the answers so far."""

    azurite: Azurite
    statuses: list[int]


@contextlib.contextmanager
def relay(azurite: Azurite, before: Callable[[str], None]) -> Iterator[Relay]:
    """Pass requests on to Azurite; `before` is called with the path of each."""
    statuses: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            before(self.path)
            with contextlib.closing(HTTPConnection("127.0.0.1", azurite.port)) as onward:
                onward.request("GET", self.path, headers=dict(self.headers.items()))
                answer = onward.getresponse()
                body = answer.read()
            statuses.append(answer.status)
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Relay(Azurite(server.server_port), statuses)
        server.shutdown()


def large(letter: str) -> bytes:
    """Return 43 MB of interactions: more than a client reads at once, and quick to parse."""
    header, *rows = interactions().decode().splitlines()
    note = letter * 90_000
    return "\n".join([f"{header},note", *(f"{row},{note}" for row in rows), ""]).encode()


@pytest.mark.parametrize("nth", [1, 2])
def test_a_blob_overwritten_while_it_is_read(
    azurite: Azurite, train: Train, target: Path, nth: int
) -> None:
    """Replaced before its n-th range is read, a blob is read again as a whole, never mixed."""
    old, new = large("a"), large("b")
    assert len(old) == len(new) > 40 << 20
    container = azurite.container({f"{NIGHT}/large.csv": old})
    reads = count(1)

    def before(path: str) -> None:
        if "large.csv" in path and next(reads) == nth:
            azurite.put(container, {f"{NIGHT}/large.csv": new})

    with relay(azurite, before) as proxy:
        ended = train(proxy.azurite, container)
    assert ended.code == 0, ended.output
    assert 412 in proxy.statuses
    assert digests(target) == {"large.csv": sha256(new)}


def test_blobs_that_come_and_go_while_others_are_read(
    azurite: Azurite, train: Train, target: Path
) -> None:
    """The model is made of the blobs that exist at the end."""
    files = {f"{NIGHT}/{name}.csv": interactions(seed) for seed, name in enumerate("abc")}
    container = azurite.container({name: files[name] for name in list(files)[:2]})
    reads = count(1)

    def before(path: str) -> None:
        if ".csv" in path and next(reads) == 1:
            azurite.put(container, {f"{NIGHT}/c.csv": files[f"{NIGHT}/c.csv"]})
            with azurite.client(container) as client:
                client.delete_blob(f"{NIGHT}/a.csv")

    with relay(azurite, before) as proxy:
        ended = train(proxy.azurite, container)
    assert ended.code == 0, ended.output
    assert digests(target) == {f"{n}.csv": sha256(files[f"{NIGHT}/{n}.csv"]) for n in "bc"}


def test_a_blob_that_never_rests(azurite: Azurite, train: Train, target: Path) -> None:
    """Rewritten before every listing, a blob is refused with 5: its content cannot be known."""
    container = azurite.container({f"{NIGHT}/interactions.csv": interactions()})
    seeds = count(2)

    def before(path: str) -> None:
        if "comp=list" in path:
            azurite.put(container, {f"{NIGHT}/interactions.csv": interactions(next(seeds))})

    with relay(azurite, before) as proxy:
        ended = train(proxy.azurite, container)
    assert ended.code == 5
    reported = failure(target)
    assert "keep changing" in reported.reason
    assert reported.retry_helps
