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
from pydantic_core import to_json

from modelsystem_scorer import api, v1
from modelsystem_scorer.api import Operation, Site
from modelsystem_scorer.observe import request_id
from modelsystem_scorer.serve.answer import Answer, Message
from modelsystem_scorer.v1 import Query, RecommendationRequest

_OPERATIONS = {operation.name: operation for operation in v1.table.operations}
_OF_REQUEST = _OPERATIONS["recommendations"]
_OF_USER = _OPERATIONS["recommendations_of_user"]
_BEFORE_USER, _AFTER_USER = (part.encode() for part in _OF_USER.path.split("{user_id}"))
_NUMBER = rb"([1-9][0-9]{0,2}|1000)"
_K = re.compile(rb"k=" + _NUMBER)
# Most bodies: whatever matches is valid, and has this canonical form, as pydantic writes it.
_USER_AND_K = re.compile(
    rb'\{"user_id": ?"([^"\\\x00-\x1f\x80-\xff]{1,1000})"(?:, ?"k": ?' + _NUMBER + rb")?\}"
)
_CANONICAL = (
    api.canonical(RecommendationRequest.model_validate({"user_id": "USER", "k": 1}))
    .replace(b'"USER"', b"%b")
    .replace(b'"k":1,', b'"k":%b,')
)
_DEFAULT_QUERY = b"k=%d" % Query().k
_DEFAULT_K = b"%d" % RecommendationRequest.model_validate({"user_id": "USER"}).k
_JSON = api.JSON.encode()
_REMEMBERED, _SHORT = 1024, 200  # targets that are asked for again and again, and their bytes
_OK, _NOT_MODIFIED = HTTPStatus.OK.value, HTTPStatus.NOT_MODIFIED.value  # hashed often
_validate_json = RecommendationRequest.__pydantic_validator__.validate_json


class _Plain(NamedTuple):
    """A plain request, and the ETag of its answer; `request`: if it has more than a user and k."""

    operation: Operation
    etag: bytes
    user_id: str = ""
    k: int = 0
    request: RecommendationRequest | None = None


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
        answer = self._unchanged() if is_known else self._recommend(plain)
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
            match = _USER_AND_K.fullmatch(body)
            if match is None:
                return self._of_any(body)
            user_id, k = match.groups()
            return self._of_user(_OF_REQUEST, b'"%b"' % user_id, user_id.decode(), k or _DEFAULT_K)
        target, query = scope["raw_path"], scope["query_string"]
        if scope["method"] != _OF_USER.method or not target.startswith(_BEFORE_USER):
            return None
        is_short = len(target) <= _SHORT and len(query) <= _SHORT  # memory is bounded
        return self._remembered(target, query) if is_short else None

    def _read_target(self, target: bytes, query: bytes) -> _Plain | None:
        match, user_id = _K.fullmatch(query or _DEFAULT_QUERY), _user_id(target)
        if match is None or not user_id:
            return None
        return self._of_user(_OF_USER, to_json(user_id), user_id, match[1])

    def _of_user(self, operation: Operation, user_json: bytes, user_id: str, k: bytes) -> _Plain:
        etag = self._tag(operation, _CANONICAL % (user_json, k))
        return _Plain(operation, etag, user_id, int(k))

    def _of_any(self, body: bytes) -> _Plain | None:
        try:
            request: RecommendationRequest = _validate_json(body)
        except ValidationError:
            return None
        return _Plain(_OF_REQUEST, self._tag(_OF_REQUEST, api.canonical(request)), request=request)

    def _tag(self, operation: Operation, canonical: bytes) -> bytes:
        return api.tag(self._site.served, operation.name.encode(), canonical)

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

    def _recommend(self, plain: _Plain) -> Answer:
        if plain.request is None:
            content = v1.encoded_of_user(self._site, plain.user_id, plain.k)
        else:
            content = v1.encoded(self._site, plain.request)
        length = (b"Content-Length", b"%d" % len(content))
        return Answer(_OK, [length, *self._content_headers], content)


def _user_id(target: bytes) -> str:
    """Return the user id in a request's target; empty if it has none, or is no UTF-8."""
    decoded = unquote_to_bytes(target)
    if not decoded.endswith(_AFTER_USER):
        return ""
    try:
        return decoded[len(_BEFORE_USER) : -len(_AFTER_USER)].decode()
    except UnicodeDecodeError:
        return ""
