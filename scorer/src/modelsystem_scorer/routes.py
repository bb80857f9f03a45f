"""The routes: from HTTP to a message, and from an answer to HTTP; nothing else happens here."""

from http import HTTPStatus
from typing import TypeVar

from flask import Blueprint, Response, current_app, request
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]  # ships no types
from pydantic import ValidationError

from modelsystem_scorer import answers, problems
from modelsystem_scorer.messages import Message, Query, Readiness, RecommendationRequest
from modelsystem_scorer.serving import Served

routes = Blueprint("scorer", __name__)
M = TypeVar("M", bound=Message)


@routes.get("/")
def front() -> Response:
    """Say how good the model is and of which build, in the seed system's two lines."""
    marker = _served().published.marker
    text = f"Score: {marker.score}\nBuild Number:{marker.build}\n"
    return Response(text, mimetype="text/plain")


@routes.post("/v1/recommendations")
def recommendations() -> Response:
    """Recommend to a user, or by items, or both."""
    return _json(answers.recommendations(_served(), _body(RecommendationRequest)))


@routes.get("/v1/users/<id:user_id>/recommendations")
def recommendations_of_user(user_id: str) -> Response:
    """Recommend to a user."""
    # Not checked again: any text may be an id, and the server bounds the length of a path.
    asked = RecommendationRequest.model_construct(user_id=user_id, k=_query(Query).k)
    return _json(answers.recommendations(_served(), asked))


@routes.get("/v1/items/<id:item_id>/similar")
def similar_items(item_id: str) -> Response:
    """Name an item's neighbours."""
    found = answers.similar(_served(), item_id, _query(Query).k)
    if found is None:
        raise problems.at(HTTPStatus.NOT_FOUND, "item_id", "the model does not know this item")
    return _json(found)


@routes.get("/v1/provenance")
def provenance() -> Response:
    """Show the manifest: what the model consists of and what made it."""
    return Response(_served().published.manifest.to_bytes(), mimetype="application/json")


@routes.get("/healthz")
def health() -> Response:
    """Say that the process answers."""
    return Response("ok", mimetype="text/plain")


@routes.get("/readyz")
def readiness() -> Response:
    """Say which model is loaded and verified."""
    info = _served().info
    return _json(Readiness(build=info.build, digest=info.digest))


def _served() -> Served:
    served: Served = current_app.extensions["served"]
    return served


def _query(kind: type[M]) -> M:
    for name, values in request.args.lists():
        if len(values) > 1:
            raise problems.at(HTTPStatus.BAD_REQUEST, name, "is given more than once")
    try:
        return kind.model_validate_strings(request.args.to_dict())
    except ValidationError as error:
        raise problems.of(error, HTTPStatus.BAD_REQUEST) from error


def _body(kind: type[M]) -> M:
    if not request.is_json:
        raise problems.at(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Type", "must be application/json"
        )
    try:
        return kind.model_validate_json(_content())
    except ValidationError as error:
        raise problems.of(error, HTTPStatus.UNPROCESSABLE_ENTITY) from error


def _content() -> bytes:
    try:
        return request.get_data(cache=False)
    except (OSError, ParseException) as error:  # a broken connection, or broken chunks
        raise problems.at(HTTPStatus.BAD_REQUEST, "body", "cannot be read") from error


def _json(message: Message) -> Response:
    return Response(message.model_dump_json(), mimetype="application/json")
