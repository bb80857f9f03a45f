"""gunicorn: one mapped model for all workers, and an orderly shutdown."""

import contextlib
import http.client
import json
import os
import re
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

StartSite = Callable[..., Any]
BODY = b'{"items": ["7", "a/b"], "k": 5}'
HEAD = b"""POST /v1/recommendations HTTP/1.1\r
Host: x\r
Content-Type: application/json\r
Content-Length: %d\r
Connection: close\r
Expect: 100-continue\r
\r
""" % len(BODY)
MAPPING = re.compile(r"^[0-9a-f]+-[0-9a-f]+ (\S+) \S+ \S+ \S+ +(.*)$")


def mapped(pid: int, folder: Path) -> dict[str, list[tuple[str, int]]]:
    """Return, for each file of the folder, the permissions and copied KiB of its mappings."""
    mappings: dict[str, list[tuple[str, int]]] = {}
    permissions, name = "", ""
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if match := MAPPING.match(line):
            permissions, path = match.groups()
            name = Path(path).name if path.startswith(str(folder)) else ""
        elif name and line.startswith("Anonymous:"):
            mappings.setdefault(name, []).append((permissions, int(line.split()[1])))
    return mappings


def test_all_workers_share_one_mapping(start_site: StartSite, make_folder: Any) -> None:
    """Every worker maps each model file shared and read-only, and no page is copied."""
    folder = make_folder(items=20_000, users=2000, neighbours=50)
    site = start_site(MODELFOLDER=folder, WORKERS="3")
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: site.ask(f"/v1/users/user-{n}/recommendations"), range(100)))
    site.wait_until(lambda: len(site.workers()) == 3)  # they are forked one by one
    for pid in site.workers():
        maps = mapped(pid, folder)
        assert {"similar.indices.npy", "similarity.npy", "history.ends.npy"} <= maps.keys()
        assert {name: [("r--s", 0)] for name in maps} == maps


def test_many_clients_get_equal_answers(site: Any) -> None:
    """Sixteen clients at once get the answers that one client gets alone."""
    bodies = [json.dumps({"items": [f"item-{n}", "7"]}).encode() for n in range(12)]
    alone = [site.ask("/v1/recommendations", "POST", body) for body in bodies]
    assert all(answer.status == 200 for answer in alone)
    with ThreadPoolExecutor(16) as pool:
        together = pool.map(lambda b: site.ask("/v1/recommendations", "POST", b), bodies * 20)
        assert [answer.body for answer in together] == [answer.body for answer in alone] * 20


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_requests_in_flight_are_finished(
    start_site: StartSite, model_folder: Path, number: signal.Signals
) -> None:
    """A request whose body arrives after the signal is answered; the exit code is 0.

    SIGINT goes to the whole process group, as a terminal sends it.
    """
    site = start_site(MODELFOLDER=model_folder)
    with site.connect() as connection:
        connection.sendall(HEAD)
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")  # the worker waits for the body
        (os.killpg if number == signal.SIGINT else os.kill)(site.process.pid, number)
        site.wait_until(lambda: "Handling signal" in site.log())
        connection.sendall(BODY)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["unknown_items"] == []
    assert site.end() == 0
    assert "POST /v1/recommendations 200" in site.log()
    assert "Traceback" not in site.log()
    assert '"level": "error"' not in site.log()


def test_a_connection_that_is_kept_alive_is_closed(
    start_site: StartSite, model_folder: Path
) -> None:
    """After Ctrl-C it gets one more answer, with `Connection: close`."""
    site = start_site(MODELFOLDER=model_folder)
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", "/")
        assert connection.getresponse().read().startswith(b"Score: ")
        os.killpg(site.process.pid, signal.SIGINT)
        site.wait_until(lambda: "Handling signal" in site.log())
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.headers["Connection"] == "close"
        answer.read()
    assert site.end() == 0


def test_a_hangup_changes_nothing(start_site: StartSite, copied_folder: Path) -> None:
    """After SIGHUP new workers serve the loaded model, though its folder is gone."""
    site = start_site(MODELFOLDER=copied_folder, WORKERS="1")
    before, workers = site.ask("/v1/users/user-1/recommendations"), site.workers()
    for path in sorted(copied_folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    site.process.send_signal(signal.SIGHUP)
    site.wait_until(lambda: workers[0] not in site.workers() and site.is_ready())
    after = site.ask("/v1/users/user-1/recommendations")
    assert (after.status, after.body) == (200, before.body)


def test_every_line_of_the_log_is_json(site: Any) -> None:
    """Also those of gunicorn, each once."""
    lines = [json.loads(line) for line in site.log().splitlines()]
    messages = [line["message"] for line in lines]
    assert {line["program"] for line in lines} == {"scorer"}
    assert sum(message.startswith("Listening at:") for message in messages) == 1


def test_the_model_is_logged(site: Any) -> None:
    """One line names it."""
    line = next(json.loads(x) for x in site.log().splitlines() if "Model loaded" in x)
    expected = {"build": "20180523.5", "score": 0.148812, "items": 30, "users": 40}
    assert expected.items() <= line.items()
    assert len(line["digest"]) == 64
