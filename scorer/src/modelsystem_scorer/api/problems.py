"""Problem details (RFC 9457): the form of every error, with the fields that are at fault."""

import json
from collections.abc import Sequence
from http import HTTPStatus

from flask import Response, request
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from werkzeug.exceptions import HTTPException

from modelsystem_scorer.api.messages import MAX_BODY_BYTES, Fault, ProblemDetails

PROBLEM_JSON = "application/problem+json"
_MAX_FAULTS = 20
_MAX_CHARACTERS = 200


class Problem(HTTPException):
    """A request that cannot be answered, and which of its fields are at fault."""

    def __init__(self, status: HTTPStatus, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault['field']}: {fault['message']}" for fault in faults))
        self.code = int(status)
        self.details = problem_details(status, str(self.description), faults)


_OF_FLASK = {
    HTTPStatus.NOT_FOUND: ("path", "no such path"),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method", "not allowed for this path"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("body", f"larger than {MAX_BODY_BYTES:,} bytes"),
}


def problem(status: HTTPStatus, field: str, message: str) -> Problem:
    """Return the problem with a single field."""
    return Problem(status, [{"field": field, "message": message}])


# What pydantic's types of errors are called here; values in braces are those of its context.
_MESSAGES = {
    "bool_type": "must be true or false",
    "extra_forbidden": "unknown field",
    "finite_number": "must be a finite number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "int_type": "must be a whole number",
    "json_invalid": "not JSON: {error}",
    "less_than_equal": "must be at most {le}",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "missing": "required",
    "model_attributes_type": "must be an object",
    "model_type": "must be an object",
    "string_too_long": "must have at most {max_length} characters",
    "string_type": "must be a string",
    "string_unicode": "must be UTF-8",
    "too_long": "must have at most {max_length} elements",
    "too_short": "must have at least {min_length} elements",
}


def invalid(error: ValidationError, status: HTTPStatus, unknown: str | None = None) -> Problem:
    """Return the problem with an invalid request: 400 if it is not JSON, else `status`.

    unknown: what a field is called that the message does not have.
    """
    errors = error.errors(include_url=False, include_input=False)
    faults: list[Fault] = [
        {"field": _field(e["loc"]), "message": _message(e, unknown)} for e in errors[:_MAX_FAULTS]
    ]
    is_json = errors[0]["type"] != "json_invalid"
    return Problem(status if is_json else HTTPStatus.BAD_REQUEST, faults)


def answer_error(error: HTTPException) -> Response:
    """Return the response to any error, those that Flask raises included."""
    details = _details(error)
    if request.path.startswith("/v2"):
        details = {**details, "error": details["detail"]}  # the protocol's clients read this
    headers = [(name, value) for name, value in error.get_headers() if name != "Content-Type"]
    return Response(to_bytes(details), details["status"], headers, content_type=PROBLEM_JSON)


def _details(error: HTTPException) -> ProblemDetails:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    if isinstance(error, Problem):
        return error.details
    if status in _OF_FLASK:
        return problem(status, *_OF_FLASK[status]).details
    return problem_details(status, str(error.description))


def problem_details(
    status: HTTPStatus, detail: str, faults: Sequence[Fault] = ()
) -> ProblemDetails:
    """Return problem details whose title is the status' phrase."""
    return {
        "type": "about:blank",  # RFC 9457: the status alone says what kind of problem it is
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "errors": list(faults),
    }


def to_bytes(details: ProblemDetails) -> bytes:
    """Return problem details as JSON; pure ASCII, since `detail` can hold half a character."""
    return json.dumps(details).encode()


def _message(error: ErrorDetails, unknown: str | None) -> str:
    if error["type"] == "extra_forbidden" and unknown:
        return unknown
    text = _MESSAGES.get(error["type"])
    return text.format(**error.get("ctx", {})) if text else error["msg"]


def _field(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location))[:_MAX_CHARACTERS] or "body"
