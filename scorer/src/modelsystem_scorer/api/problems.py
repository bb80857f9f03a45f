"""Problem details (RFC 9457): how every error is told, with the fields that are at fault."""

import json
from collections.abc import Sequence
from http import HTTPStatus

from flask import Response, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from modelsystem_scorer.api.messages import MOST_BODY_BYTES, Fault, ProblemDetails

MEDIA_TYPE = "application/problem+json"
_MOST_FAULTS = 20
_MOST_CHARACTERS = 200


class Problem(HTTPException):
    """A request that cannot be answered as it is, and which of its fields are at fault."""

    def __init__(self, status: HTTPStatus, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault['field']}: {fault['message']}" for fault in faults))
        self.code = int(status)
        self.details = details(status, str(self.description), faults)


_OF_FLASK = {
    HTTPStatus.NOT_FOUND: ("path", "there is nothing here"),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method", "this path does not answer to it"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("body", f"is over {MOST_BODY_BYTES:,} bytes"),
}


def at(status: HTTPStatus, field: str, message: str) -> Problem:
    """Return the problem with a single field."""
    return Problem(status, [{"field": field, "message": message}])


def of(error: ValidationError, otherwise: HTTPStatus) -> Problem:
    """Return the problem with a request: 400 for what is no JSON, `otherwise` for the rest."""
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    faults: list[Fault] = [
        {"field": _field(e["loc"]), "message": e["msg"]} for e in errors[:_MOST_FAULTS]
    ]
    is_json = errors[0]["type"] != "json_invalid"
    return Problem(otherwise if is_json else HTTPStatus.BAD_REQUEST, faults)


def answer(error: HTTPException) -> Response:
    """Return the response to any error, those that Flask raises included."""
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    if not isinstance(error, Problem) and status in _OF_FLASK:
        told = at(status, *_OF_FLASK[status]).details
    elif isinstance(error, Problem):
        told = error.details
    else:
        told = details(status, str(error.description))
    if request.path.startswith("/v2"):
        told = {**told, "error": told["detail"]}  # what clients of that protocol look for
    headers = [(name, value) for name, value in error.get_headers() if name != "Content-Type"]
    return Response(document(told), status, headers, content_type=MEDIA_TYPE)


def details(status: HTTPStatus, detail: str, faults: Sequence[Fault] = ()) -> ProblemDetails:
    """Return the problem as problem details."""
    return {
        "type": "about:blank",  # RFC 9457: the status says all about the kind of problem
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "errors": list(faults),
    }


def document(told: ProblemDetails) -> bytes:
    """Return problem details as JSON; pure ASCII, so that no input can make it unwritable."""
    return json.dumps(told).encode()


def _field(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location))[:_MOST_CHARACTERS] or "body"
