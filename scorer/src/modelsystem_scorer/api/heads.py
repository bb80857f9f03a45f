"""The head of a request: what HTTP itself demands of it."""

import re
from http import HTTPStatus

from flask import request

from modelsystem_scorer.api import problems

# RFC 9110, section 7.2: a host as RFC 3986 writes it, and a port.
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(?::\d*)?", re.A)


def is_host(value: str) -> bool:
    """Whether this is a valid value of the header Host."""
    return _HOST.fullmatch(value) is not None


def check_head() -> None:
    """Refuse a request without a valid Host, or whose content is encoded.

    Raises:
        Problem: 400 or 415.

    """
    host = request.environ.get("HTTP_HOST")
    needs_host = request.environ["SERVER_PROTOCOL"] != "HTTP/1.0"
    if (host is None and needs_host) or (host is not None and not is_host(host)):
        reason = "required by HTTP/1.1" if host is None else "not a host"
        raise problems.problem(HTTPStatus.BAD_REQUEST, "Host", reason)
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        message = "no encoding is supported"
        raise problems.problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Encoding", message)
