"""The routes of the Open Inference Protocol; see `inference`."""

from http import HTTPStatus

from flask import Response, request

from modelsystem_scorer import api
from modelsystem_scorer.api import JSON, Table
from modelsystem_scorer.v2 import inference
from modelsystem_scorer.v2.messages import (
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
_JSON_LENGTH = "Inference-Header-Content-Length"
_OCTETS = "application/octet-stream"
_INFERRED = {JSON: InferenceAnswer, _OCTETS: bytes}
_UNREADY = HTTPStatus.SERVICE_UNAVAILABLE


@table.get("/v2", {JSON: ServerMetadata})
def inference_server() -> Response:
    """Describe the server: its version is the build."""
    return api.respond(inference.server_metadata(api.site().served))


@table.probe("/v2/health/live", {JSON: Live})
def inference_live() -> Response:
    """Say that the server is live."""
    return api.respond(Live(live=True))


@table.probe("/v2/health/ready", {JSON: Ready}, _UNREADY)
@table.probe(f"{_MODEL}/ready", {JSON: Ready}, _UNREADY, name="model_ready")
def inference_ready() -> Response:
    """Say that the model is ready; 503 once the site is shutting down."""
    api.check_not_draining()
    return api.respond(Ready(name=inference.NAME, ready=True))


@table.probe(f"{_VERSION}/ready", {JSON: Ready}, HTTPStatus.NOT_FOUND, _UNREADY)
def model_version_ready(version: str) -> Response:
    """Say that this build of the model is ready."""
    _check(version)
    return inference_ready()


@table.get(_MODEL, {JSON: ModelMetadata})
def model_metadata() -> Response:
    """Describe the model's inputs and outputs."""
    return api.respond(inference.model_metadata(api.site().served))


@table.get(_VERSION, {JSON: ModelMetadata}, HTTPStatus.NOT_FOUND)
def model_version_metadata(version: str) -> Response:
    """Describe the inputs and outputs of this build of the model."""
    _check(version)
    return model_metadata()


@table.post(f"{_MODEL}/infer", _INFERRED, body=InferenceRequest)
def infer() -> Response:
    """Recommend items for a batch of users."""
    site = api.site()
    content = _content()
    inference_request, users = inference.parse(content)
    api.check_changed(site.served, api.canonical(inference_request) + content.binary)
    rows = inference.infer(site, users, inference_request.options.k)
    answer = inference.answer(site.served, inference_request, rows)
    if not answer.binary:
        return Response(answer.json, mimetype=JSON)
    headers = {_JSON_LENGTH: str(len(answer.json))}
    return Response(answer.json + answer.binary, headers=headers, mimetype=_OCTETS)


@table.post(
    f"{_VERSION}/infer",
    _INFERRED,
    HTTPStatus.NOT_FOUND,
    body=InferenceRequest,
)
def infer_version(version: str) -> Response:
    """Recommend items for a batch of users with this build of the model."""
    _check(version)
    return infer()


def _check(version: str) -> None:
    build = api.site().served.info.build
    if version != build:
        message = f"this site serves only build {build}"
        raise api.problem(HTTPStatus.NOT_FOUND, "version", message)


def _content() -> inference.Content:
    """Return the body: its JSON, and the bytes behind it if a header gives the JSON's length."""
    content = api.content()
    length = request.headers.get(_JSON_LENGTH)
    if length is None:
        return inference.Content(content)
    if not (length.isascii() and length.isdigit() and int(length[:9]) <= len(content)):
        raise api.problem(HTTPStatus.BAD_REQUEST, _JSON_LENGTH, "not the length of the JSON")
    return inference.Content(content[: int(length)], content[int(length) :])
