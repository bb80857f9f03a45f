"""The hot way: recommendations from the bytes of a request to the bytes of its answer.

It takes plain requests only. All others, and all errors, go the ordinary way through Flask, which
gives a plain request the same answer.
"""

import re
import time
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from pydantic import ValidationError

from modelsystem_scorer import api, v1
from modelsystem_scorer.api import Operation, Site
from modelsystem_scorer.observe import request_id
from modelsystem_scorer.serve.answer import Answer, Message
from modelsystem_scorer.v1 import Query, RecommendationRequest

_OPERATIONS = {operation.name: operation for operation in v1.table.operations}
_OF_REQUEST = _OPERATIONS["recommendations"]
_OF_USER = _OPERATIONS["recommendations_of_user"]
_BEFORE_USER, _AFTER_USER = (part.encode() for part in _OF_USER.path.split("{user_id}"))
_K = re.compile(rb"k=([1-9][0-9]{0,2}|1000)")
_DEFAULT_QUERY = b"k=%d" % Query().k
_JSON = api.JSON.encode()
_REMEMBERED, _SHORT = 1024, 200  # targets that are asked for again and again, and their bytes
_OK, _NOT_MODIFIED = HTTPStatus.OK.value, HTTPStatus.NOT_MODIFIED.value  # hashed often
_validate_json = RecommendationRequest.__pydantic_validator__.validate_json


class _Plain(NamedTuple):
    """A plain request, and the ETag of its answer."""

    operation: Operation
    request: RecommendationRequest
    etag: bytes


class HotWay:
    """Answers plain requests for recommendations."""

    def __init__(self, site: Site) -> None:
        """Answer from this site."""
        self._site = site
        headers = {**site.served.headers, "Cache-Control": api.REVALIDATED}
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._content_headers = [(b"Content-Type", _JSON), *self._headers]
        self._host: bytes | None = None  # the last valid one
        self._remembered = lru_cache(_REMEMBERED)(self._read_target)

    def answer(self, scope: Message, headers: Mapping[bytes, bytes], body: bytes) -> Answer | None:
        """Return the answer and record it, or return None if the request is not plain."""
        began = time.perf_counter()
        plain = self._read(scope, headers, body)
        if plain is None or not self._is_plain(scope, headers):
            return None
        known = headers.get(b"if-none-match", plain.etag)
        if known != plain.etag:
            return None
        is_known = b"if-none-match" in headers
        answer = self._unchanged() if is_known else self._recommend(plain.request)
        brought = request_id(headers.get(b"x-request-id", b"").decode("latin-1"))
        answer.headers.extend(((b"ETag", plain.etag), (b"X-Request-Id", brought.encode())))
        seconds = time.perf_counter() - began
        self._site.observer.record(
            plain.operation.method,
            plain.operation.path,
            answer.status,
            seconds,
            brought,
            headers.get(b"traceparent", b"").decode("latin-1"),
        )
        return answer

    def _read(self, scope: Message, headers: Mapping[bytes, bytes], body: bytes) -> _Plain | None:
        """Return what is asked, or None if it is not plain."""
        if scope["method"] == _OF_REQUEST.method and scope["path"] == _OF_REQUEST.path:
            if headers.get(b"content-type") != _JSON or scope["query_string"]:
                return None
            return self._tagged(_OF_REQUEST, _validated(body))
        target, query = scope["raw_path"], scope["query_string"]
        if scope["method"] != _OF_USER.method or not target.startswith(_BEFORE_USER):
            return None
        is_short = len(target) <= _SHORT and len(query) <= _SHORT  # memory is bounded
        return self._remembered(target, query) if is_short else None

    def _read_target(self, target: bytes, query: bytes) -> _Plain | None:
        return self._tagged(_OF_USER, _of_user(target, query))

    def _tagged(self, operation: Operation, request: RecommendationRequest | None) -> _Plain | None:
        if request is None:
            return None
        name = operation.name.encode()
        etag = api.tag(self._site.served, name, api.canonical(request))
        return _Plain(operation, request, etag)

    def _is_plain(self, scope: Message, headers: Mapping[bytes, bytes]) -> bool:
        """Whether the head needs no other checks than these."""
        host = headers.get(b"host")
        if host is None or host != self._host:  # seldom: a client's requests have the same
            if host is None or not api.is_host(host.decode("latin-1")):
                return False
            self._host = host
        return b"content-encoding" not in headers and len(headers) == len(scope["headers"])

    def _unchanged(self) -> Answer:
        return Answer(_NOT_MODIFIED, self._headers.copy(), b"")

    def _recommend(self, request: RecommendationRequest) -> Answer:
        content = v1.encoded(self._site, request)
        length = (b"Content-Length", b"%d" % len(content))
        return Answer(_OK, [length, *self._content_headers], content)


def _validated(body: bytes) -> RecommendationRequest | None:
    try:
        request: RecommendationRequest = _validate_json(body)
    except ValidationError:
        return None
    return request


def _of_user(path: bytes, query: bytes) -> RecommendationRequest | None:
    match = _K.fullmatch(query or _DEFAULT_QUERY)
    decoded = unquote_to_bytes(path)
    if match is None or not decoded.endswith(_AFTER_USER):
        return None
    try:
        user_id = decoded[len(_BEFORE_USER) : -len(_AFTER_USER)].decode()
    except UnicodeDecodeError:
        return None
    return (
        RecommendationRequest.model_construct(user_id=user_id, k=int(match[1])) if user_id else None
    )
