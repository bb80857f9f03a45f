"""From HTTP to a message, from an answer to HTTP, and the site that answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

from flask import Flask, Response, current_app, request
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]  # ships no types
from pydantic import ValidationError
from pydantic_core import to_json
from werkzeug.exceptions import RequestEntityTooLarge

from modelsystem_scorer.api import problems
from modelsystem_scorer.api.draining import Draining
from modelsystem_scorer.api.messages import MAX_BODY_BYTES, Message
from modelsystem_scorer.api.operations import JSON
from modelsystem_scorer.engine import ServedModel
from modelsystem_scorer.observe import Observer

M = TypeVar("M", bound=Message)
_KEY = "modelsystem"


@dataclass(frozen=True)
class Site:
    """What the views and the workers of one site share; `document` is its OpenAPI document."""

    served: ServedModel
    observer: Observer
    document: Mapping[str, object]
    draining: Draining


def attach(site: Site, app: Flask) -> None:
    """Let the views of this app find the site."""
    app.extensions[_KEY] = site


def site_of(app: Flask) -> Site:
    """Return the site that was attached to this app."""
    attached: Site = app.extensions[_KEY]
    return attached


def site() -> Site:
    """Return the site of the request."""
    return site_of(current_app)


def check_not_draining() -> None:
    """Refuse a request for readiness once the site is shutting down.

    Raises:
        Problem: 503.

    """
    if site().draining:
        raise problems.problem(HTTPStatus.SERVICE_UNAVAILABLE, "site", "shutting down")


def query(kind: type[M]) -> M:
    """Return the query parameters as a message.

    Raises:
        Problem: 400, if they are invalid.

    """
    for name, values in request.args.lists():
        if len(values) > 1:
            raise problems.problem(HTTPStatus.BAD_REQUEST, name, "given more than once")
    try:
        return kind.model_validate_strings(request.args.to_dict())
    except ValidationError as error:
        unknown = "unknown query parameter"
        raise problems.invalid(error, HTTPStatus.BAD_REQUEST, unknown) from error


def body(kind: type[M]) -> M:
    """Return the request's body as a message.

    Raises:
        Problem: 400, 415 or 422, if it is invalid.
        RequestEntityTooLarge: 413.

    """
    if request.environ.get("CONTENT_TYPE") != JSON and not request.is_json:
        raise problems.problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Type", "must be application/json"
        )
    try:
        return kind.model_validate_json(content())
    except ValidationError as error:
        raise problems.invalid(error, HTTPStatus.UNPROCESSABLE_ENTITY) from error


def content() -> bytes:
    """Return the bytes of the request's body.

    Raises:
        Problem: 400, if it cannot be read.
        RequestEntityTooLarge: 413.

    """
    try:  # straight from the server: Flask's own way takes as long as all the parsing
        received: bytes = request.environ["wsgi.input"].read(MAX_BODY_BYTES + 1)
    except (OSError, ParseException) as error:  # a broken connection, or broken chunks
        raise problems.problem(HTTPStatus.BAD_REQUEST, "body", "cannot be read") from error
    if len(received) > MAX_BODY_BYTES:
        raise RequestEntityTooLarge
    return received


def respond(answer: object) -> Response:
    """Return an answer as JSON."""
    return Response(to_json(answer), mimetype=JSON)
