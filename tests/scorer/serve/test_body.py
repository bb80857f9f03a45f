"""Clients that are slow, endless, or many: none delays another."""

import contextlib
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from modelsystem_scorer.serve.body import REQUEST_SECONDS

StartSite = Callable[..., Any]
BODY = b'{"items": ["7"], "k": 3}'
HEAD = b"POST /v1/recommendations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def lone(start_site: StartSite, model_folder: Path) -> Any:
    """Return a site with a single worker, which one slow client could block."""
    return start_site(MODELFOLDER=model_folder, WORKERS="1")


def received(connection: socket.socket) -> bytes:
    """Return all bytes until the other side closes."""
    answer = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65536):
            answer += part
    return answer


def read_answer(connection: socket.socket) -> bytes:
    """Return one answer with a Content-Length: head and body."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextlib.contextmanager
def trickling(connections: Sequence[socket.socket]) -> Iterator[None]:
    """Send a byte on each connection five times a second until the context ends."""
    stop = threading.Event()

    def send() -> None:
        while not stop.wait(0.2):
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.send(b"x")

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_slow_clients_are_cut_off(lone: Any) -> None:
    """Two hundred delay no other client; those with a slow body get a 408 after ten seconds.

    gunicorn sets no deadline for a head: a proxy does (docs/adr/0023).
    """
    starts = [HEAD + b"Content-Length: 9999\r\n\r\n"] * 20 + [b"GET / HTTP/1.1\r\nX: "] * 180
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(lone.connect()) for _ in starts]
        began = time.monotonic()
        for connection, start in zip(slow, starts, strict=True):
            connection.sendall(start)
        with trickling(slow):
            while time.monotonic() - began < REQUEST_SECONDS / 2:
                sent = time.monotonic()
                assert lone.ask("/v1/recommendations", "POST", BODY).status == 200
                assert time.monotonic() - sent < REQUEST_SECONDS / 4
            answers = [received(connection) for connection in slow[:20]]
        assert REQUEST_SECONDS - 1 < time.monotonic() - began < REQUEST_SECONDS + 8
    assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in answers)
    assert all(b"X-Model-Digest" in answer for answer in answers)


def test_an_endless_body_is_cut_off(lone: Any) -> None:
    """100 MB, with a length or in chunks, are refused, and most of them are never read."""
    for framing, piece in (
        (b"Content-Length: 104857600\r\n\r\n", b" " * (1 << 16)),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * (1 << 16) + b"\r\n"),
    ):
        sent = 0
        with lone.connect() as connection:
            connection.sendall(HEAD + framing)
            with contextlib.suppress(ConnectionError):
                while sent < 100 << 20:
                    connection.sendall(piece)
                    sent += len(piece)
            answer = received(connection)
        assert sent < 40 << 20
        assert not answer or answer.startswith(b"HTTP/1.1 413 ")
        assert lone.ask("/healthz").status == 200
    with lone.connect() as connection:  # a client that reads before it has sent all gets the reason
        connection.sendall(HEAD + b"Content-Length: 104857600\r\n\r\n" + b" " * 1000)
        assert received(connection).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_does_not_read_delays_no_other(lone: Any) -> None:
    """Its answers and requests take bounded memory while other clients are answered."""
    request = b"GET /v1/users/unknown/recommendations?k=1000 HTTP/1.1\r\nHost: x\r\n\r\n"
    with lone.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)
        with contextlib.suppress(OSError):  # full buffers, or gunicorn has had enough
            for _ in range(100_000):
                connection.send(request)
        for _ in range(10):
            assert lone.ask("/v1/recommendations", "POST", BODY).status == 200


def test_a_client_that_is_gone_is_no_error(start_site: StartSite, model_folder: Path) -> None:
    """Whether it goes in the middle of its request or of a large answer, by a reset or in order."""
    site = start_site(MODELFOLDER=model_folder, WORKERS="1")
    ask = b"GET /v1/provenance HTTP/1.1\r\nHost: x\r\n\r\n"
    for sent in (HEAD, HEAD + b"Content-Length: 99\r\n\r\n{", ask, ask * 100):
        for linger in (0, 1):
            with site.connect() as connection:
                option = struct.pack("ii", 1, 0) if linger else struct.pack("ii", 0, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
                connection.sendall(sent)
                time.sleep(0.1)
    assert site.ask("/healthz").status == 200
    assert not re.search('traceback|error"', site.log(), re.IGNORECASE), site.log()


def test_a_connection_is_kept(lone: Any) -> None:
    """One connection carries many requests, also if they are all sent at once."""
    request = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    with lone.connect() as connection:
        for _ in range(3):
            connection.sendall(request)
            assert read_answer(connection).startswith(b"HTTP/1.1 200 ")
        connection.sendall(request * 50 + request.replace(b"Host", b"Connection: close\r\nHost"))
        assert received(connection).count(b"HTTP/1.1 200 OK\r\n") == 51


def test_an_unread_body_is_not_a_request(lone: Any) -> None:
    """The body of a refused request is not parsed as the next request."""
    smuggled = b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
    head = HEAD.replace(b"application/json", b"text/plain")
    request = head + b"Content-Length: %d\r\n\r\n" % len(smuggled) + smuggled
    with lone.connect() as connection:
        connection.sendall(request + b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        time.sleep(0.2)  # so that the next head arrives in two parts
        connection.sendall(b"Connection: close\r\n\r\n")
        answers = received(connection)
    assert answers.count(b"HTTP/1.1 ") == 2
    assert answers.startswith(b"HTTP/1.1 415 ")
    assert answers.endswith(b"ok")


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_chunks_can_arrive_in_any_pieces(lone: Any, size: int) -> None:
    """Chunks of any size, with an extension and a trailer, byte by byte, are one body."""
    chunks = b"".join(
        b"%x;a=b\r\n" % len(part) + part + b"\r\n"
        for part in (BODY[n : n + size] for n in range(0, len(BODY), size))
    )
    request = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nX-Trailer: y\r\n\r\n"
    with lone.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        for place in range(0, len(request), 3):
            connection.sendall(request[place : place + 3])
        answer = read_answer(connection)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert len(json.loads(answer.partition(b"\r\n\r\n")[2])["items"]) == 3


def test_expect_continue_is_answered(lone: Any) -> None:
    """`100 Continue` is sent once, and then the answer."""
    with lone.connect() as connection:
        connection.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY))
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY[:5])
        time.sleep(0.1)
        connection.sendall(BODY[5:])
        assert read_answer(connection).startswith(b"HTTP/1.1 200 ")


def test_many_silent_clients_hold_up_nobody(lone: Any) -> None:
    """Others are answered while 900 connections are open, and after they are gone."""
    with contextlib.ExitStack() as stack:
        for _ in range(900):
            stack.enter_context(lone.connect())
        assert lone.ask("/healthz").status == 200
    assert lone.ask("/healthz").status == 200
