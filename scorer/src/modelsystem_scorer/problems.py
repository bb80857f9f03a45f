"""Problem details (RFC 9457): how every error is told, with the fields that are at fault."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus

from flask import Response
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from modelsystem_scorer.messages import MOST_BODY_BYTES

MEDIA_TYPE = "application/problem+json"
_MOST_FAULTS = 20
_MOST_CHARACTERS = 200


@dataclass(frozen=True)
class Fault:
    """A field of the request, and what is wrong with it."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class Problem(HTTPException):
    """A request that cannot be answered as it is, and which of its fields are at fault."""

    def __init__(self, status: HTTPStatus, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.code = int(status)
        self.faults = faults


_OF_FLASK = {
    HTTPStatus.NOT_FOUND: Fault("path", "there is nothing here"),
    HTTPStatus.METHOD_NOT_ALLOWED: Fault("method", "this path does not answer to it"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Fault("body", f"is over {MOST_BODY_BYTES:,} bytes"),
}


def at(status: HTTPStatus, field: str, message: str) -> Problem:
    """Return the problem with a single field."""
    return Problem(status, [Fault(field, message)])


def of(error: ValidationError, otherwise: HTTPStatus) -> Problem:
    """Return the problem with a request: 400 for what is no JSON, `otherwise` for the rest."""
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    faults = [Fault(_field(e["loc"]), e["msg"]) for e in errors[:_MOST_FAULTS]]
    is_json = errors[0]["type"] != "json_invalid"
    return Problem(otherwise if is_json else HTTPStatus.BAD_REQUEST, faults)


def answer(error: HTTPException) -> Response:
    """Return the response to any error, those that Flask raises included."""
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    if isinstance(error, Problem):
        content = document(status, str(error.description), error.faults)
    elif fault := _OF_FLASK.get(status):
        content = document(status, str(fault), [fault])
    else:
        content = document(status, str(error.description))
    headers = [(name, value) for name, value in error.get_headers() if name != "Content-Type"]
    return Response(content, status, headers, content_type=MEDIA_TYPE)


def document(status: HTTPStatus, detail: str, faults: Sequence[Fault] = ()) -> bytes:
    """Return the problem as JSON; pure ASCII, so that no input can make it unwritable."""
    parts = {
        "type": "about:blank",  # RFC 9457: the status says all about the kind of problem
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "errors": [asdict(fault) for fault in faults],
    }
    return json.dumps(parts).encode()


def _field(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location))[:_MOST_CHARACTERS] or "body"
