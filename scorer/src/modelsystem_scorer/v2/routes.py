"""The routes of the Open Inference Protocol; see `inference`."""

from http import HTTPStatus

from flask import Response, current_app, request

from modelsystem_scorer.api import http, problems
from modelsystem_scorer.api.operations import JSON, Table
from modelsystem_scorer.observe.observer import observer
from modelsystem_scorer.v2 import inference
from modelsystem_scorer.v2.inference import (
    InferenceAnswer,
    InferenceRequest,
    Live,
    ModelMetadata,
    Ready,
    ServerMetadata,
)

table = Table()
_MODEL = f"/v2/models/{inference.NAME}"
_VERSION = f"{_MODEL}/versions/{{version}}"
_LENGTH = "Inference-Header-Content-Length"
_OCTETS = "application/octet-stream"
_INFERRED = {JSON: InferenceAnswer, _OCTETS: bytes}
_UNREADY = HTTPStatus.SERVICE_UNAVAILABLE


@table.get("/v2", {JSON: ServerMetadata})
def inference_server() -> Response:
    """Say what this server is, in the Open Inference Protocol."""
    return http.json(inference.server(http.served()))


@table.get("/v2/health/live", {JSON: Live})
def inference_live() -> Response:
    """Say that the server lives."""
    return http.json(Live(live=True))


@table.get("/v2/health/ready", {JSON: Ready}, _UNREADY)
@table.get(f"{_MODEL}/ready", {JSON: Ready}, _UNREADY, name="model_ready")
def inference_ready() -> Response:
    """Say that the model can be asked, unless the site is about to end."""
    if current_app.extensions["draining"]:
        raise problems.at(HTTPStatus.SERVICE_UNAVAILABLE, "site", "is shutting down")
    return http.json(Ready(name=inference.NAME, ready=True))


@table.get(f"{_VERSION}/ready", {JSON: Ready}, HTTPStatus.NOT_FOUND, _UNREADY)
def model_version_ready(version: str) -> Response:
    """Say that this build of the model can be asked."""
    _check(version)
    return inference_ready()


@table.get(_MODEL, {JSON: ModelMetadata})
def model_metadata() -> Response:
    """Say what the model takes and gives."""
    return http.json(inference.model(http.served()))


@table.get(_VERSION, {JSON: ModelMetadata}, HTTPStatus.NOT_FOUND)
def model_version_metadata(version: str) -> Response:
    """Say what this build of the model takes and gives."""
    _check(version)
    return model_metadata()


@table.post(f"{_MODEL}/infer", _INFERRED, body=InferenceRequest)
def infer() -> Response:
    """Recommend to a batch of users."""
    asked, users = inference.parse(_content())
    rows = inference.infer(http.served(), asked, users)
    for row in rows:
        observer().counters.answer("fallback" if row["fallback"] else "personal")
    answer = inference.answer(http.served(), asked, rows)
    if not answer.binary:
        return Response(answer.json, mimetype=JSON)
    headers = {_LENGTH: str(len(answer.json))}
    return Response(answer.json + answer.binary, headers=headers, mimetype=_OCTETS)


@table.post(
    f"{_VERSION}/infer",
    _INFERRED,
    HTTPStatus.NOT_FOUND,
    body=InferenceRequest,
)
def infer_version(version: str) -> Response:
    """Recommend to a batch of users by this build of the model."""
    _check(version)
    return infer()


def _check(version: str) -> None:
    build = http.served().info.build
    if version != build:
        message = f"there is no such build here, only {build}"
        raise problems.at(HTTPStatus.NOT_FOUND, "version", message)


def _content() -> inference.Content:
    """Return the JSON, and the bytes behind it where a header says that it ends before them."""
    content = http.content()
    length = request.headers.get(_LENGTH)
    if length is None:
        return inference.Content(content)
    if not (length.isascii() and length.isdigit() and int(length[:9]) <= len(content)):
        raise problems.at(HTTPStatus.BAD_REQUEST, _LENGTH, "is not the length of the JSON")
    return inference.Content(content[: int(length)], content[int(length) :])
