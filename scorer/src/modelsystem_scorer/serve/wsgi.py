"""From an ASGI request to a WSGI application, for all that is not hot."""

import contextlib
import sys
from io import BytesIO
from typing import Any, cast
from urllib.parse import unquote_to_bytes, urlsplit

from flask import Flask
from werkzeug.wsgi import ClosingIterator

from modelsystem_scorer.serve.answer import Answer, Headers, Message

_PLAIN = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}


def call(app: Flask, scope: Message, body: bytes) -> Answer:
    """Return the app's answer; it is short, and no part of it is awaited."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> Any:
        started.append((status, headers))

    parts = app.wsgi_app(_environ(scope, body), start_response)
    with contextlib.closing(cast("ClosingIterator", parts)):
        content = b"".join(parts)
    status, headers = started[0]
    return Answer(int(status[:3]), _encoded(headers), content)


def _encoded(headers: list[tuple[str, str]]) -> Headers:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _environ(scope: Message, body: bytes) -> dict[str, Any]:
    """Return the request as PEP 3333 describes it."""
    server, client = scope["server"], scope["client"]
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(_path(scope["raw_path"])).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": client[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        key = _PLAIN.get(name) or "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    environ["CONTENT_LENGTH"] = str(len(body))  # also of chunks
    return environ


def _path(target: bytes) -> bytes:
    """Return the path of a request's target, which can be a URL (RFC 9112, section 3.2.2)."""
    return target if target.startswith(b"/") else urlsplit(target).path or b"/"
