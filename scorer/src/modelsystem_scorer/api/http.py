"""From HTTP to a message, and from an answer to HTTP."""

from http import HTTPStatus
from typing import Any, TypeVar

from flask import Response, current_app, request
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]  # ships no types
from pydantic import ValidationError
from pydantic_core import to_json
from werkzeug.exceptions import RequestEntityTooLarge

from modelsystem_scorer.api import problems
from modelsystem_scorer.api.messages import MOST_BODY_BYTES, Message
from modelsystem_scorer.api.operations import JSON
from modelsystem_scorer.engine.served import Served

M = TypeVar("M", bound=Message)


def served() -> Served:
    """Return the model that this site serves."""
    found: Served = current_app.extensions["served"]
    return found


def query(kind: type[M]) -> M:
    """Return what follows the question mark.

    Raises:
        Problem: 400, when it is not what it should be.

    """
    for name, values in request.args.lists():
        if len(values) > 1:
            raise problems.at(HTTPStatus.BAD_REQUEST, name, "is given more than once")
    try:
        return kind.model_validate_strings(request.args.to_dict())
    except ValidationError as error:
        raise problems.of(error, HTTPStatus.BAD_REQUEST) from error


def body(kind: type[M]) -> M:
    """Return what the request's body holds.

    Raises:
        Problem: 400, 413, 415 or 422, when it is not what it should be.

    """
    if request.environ.get("CONTENT_TYPE") != JSON and not request.is_json:
        raise problems.at(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Type", "must be application/json"
        )
    try:
        return kind.model_validate_json(content())
    except ValidationError as error:
        raise problems.of(error, HTTPStatus.UNPROCESSABLE_ENTITY) from error


def content() -> bytes:
    """Return the request's body.

    Raises:
        Problem: 400, when it cannot be read.
        RequestEntityTooLarge: it is too long.

    """
    try:  # as it is: Flask's way to it takes as long as all the parsing
        found: bytes = request.environ["wsgi.input"].read(MOST_BODY_BYTES + 1)
    except (OSError, ParseException) as error:  # a broken connection, or broken chunks
        raise problems.at(HTTPStatus.BAD_REQUEST, "body", "cannot be read") from error
    if len(found) > MOST_BODY_BYTES:
        raise RequestEntityTooLarge
    return found


def json(answer: Any) -> Response:
    """Return an answer as JSON."""
    return Response(to_json(answer), mimetype=JSON)
