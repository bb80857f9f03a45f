"""Malformed requests, over real connections: refused, never a 5xx."""

from typing import Any

import pytest

END = b"\r\n\r\n"
GET = b"GET /healthz HTTP/1.1\r\n"
POST = b"POST /v1/recommendations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
BY_GUNICORN = {
    "no request line": (b"nonsense" + END, 400),
    "bytes": (bytes(range(256)) + END, 400),
    "lower case": (b"get / HTTP/1.1" + END, 400),
    "version": (b"GET / HTTP/9.9" + END, 400),
    "header": (b"GET / HTTP/1.1\r\nno colon" + END, 400),
    "long line": (b"GET /" + b"x" * 9000 + b" HTTP/1.1" + END, 414),
    "long header": (b"GET / HTTP/1.1\r\nX: " + b"x" * 9000 + END, 431),
    "many headers": (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
    "two hosts": (GET + b"Host: a\r\nHost: b" + END, 400),
    "last coding": (POST + b"Transfer-Encoding: gzip" + END, 400),  # RFC 9112, section 6.3
    "length": (POST + b"Content-Length: -1" + END, 400),
    "lengths": (POST + b"Content-Length: 1\r\nContent-Length: 2" + END, 400),
    "length and chunks": (POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked" + END, 400),
    "chunks": (POST + b"Transfer-Encoding: chunked" + END + b"zz\r\nxx\r\n0" + END, 400),
}
BY_US = {
    "no host": (GET + b"X: y" + END, 400),
    "odd host": (GET + b"Host: a b/c" + END, 400),
    "coding": (POST + b"Transfer-Encoding: gzip, chunked" + END, 501),
    "encoding": (POST + b"Content-Encoding: gzip\r\nContent-Length: 2" + END + b"{}", 415),
    "cut chunks": (POST + b"Transfer-Encoding: chunked" + END + b"5\r\n{", 400),
    "cut body": (POST + b"Content-Length: 50" + END + b'{"ite', 400),
    "long body": (POST + b"Content-Length: 2000000" + END + b"{", 413),
}


@pytest.mark.parametrize(("request_bytes", "status"), BY_GUNICORN.values(), ids=BY_GUNICORN)
def test_what_is_not_http_is_refused(site: Any, request_bytes: bytes, status: int) -> None:
    """Gunicorn's parser gives the reason as text."""
    answer = site.send(request_bytes)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nConnection: close" in answer


@pytest.mark.parametrize(("request_bytes", "status"), BY_US.values(), ids=BY_US)
def test_an_unacceptable_request_is_refused(site: Any, request_bytes: bytes, status: int) -> None:
    """The answer has the form and the headers of all others."""
    head, _, body = site.send(request_bytes).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"Content-Type: application/problem+json" in head
    assert b"X-Model-Build: 20180523.5" in head
    assert b"X-Model-Digest: " in head
    assert b"Cache-Control: no-store" in head
    assert b'"status": %d' % status in body


@pytest.mark.parametrize("target", [b"http://x/healthz", b"http://x:80/healthz"])
def test_a_target_can_be_a_url(site: Any, target: bytes) -> None:
    """Proxies send requests in that form."""
    answer = site.send(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK")


def test_a_websocket_is_refused(site: Any) -> None:
    """The site has none."""
    upgrade = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    answer = site.send(GET + b"Host: x\r\n" + upgrade + key + END)
    assert answer.startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("name", [b"SCRIPT_NAME", b"PATH_INFO", b"X-Forwarded-Proto"])
def test_headers_for_proxies_are_only_headers(site: Any, name: bytes) -> None:
    """A client cannot change the site's paths."""
    answer = site.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + name + b": /elsewhere" + END)
    assert answer.startswith(b"HTTP/1.1 200 OK")


def test_a_large_body_is_refused_before_it_is_read(site: Any) -> None:
    """The client that sends it can still read the reason."""
    answer = site.ask("/v1/recommendations", "POST", b" " * (3 << 20))
    assert answer.status == 413
    assert b'"body"' in answer.body
