"""The OpenAPI document, made from the table of operations and the types of the messages."""

import inspect
import re
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from modelsystem_scorer.api.messages import (
    MOST_BODY_BYTES,
    BatchRequest,
    ProblemDetails,
    RecommendationRequest,
)
from modelsystem_scorer.api.operations import Operation
from modelsystem_scorer.api.problems import MEDIA_TYPE

_REFERENCE = "#/components/schemas/{model}"
_ABOUT = f"""Recommendations of one build's model, and of no other.

Every answer names its model in `X-Model-Build` and `X-Model-Digest`, and itself in
`X-Request-Id`, which a request may bring. Errors are problem details (RFC 9457). A body has at
most {MOST_BODY_BYTES:,} bytes and must arrive, with its head, within ten seconds."""
_OF_BODIES = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
_HEADERS = {
    "X-Model-Build": "the build of the model, percent-encoded where it is not ASCII",
    "X-Model-Digest": "the digest of the model",
    "X-Request-Id": "the request's own id where it brought one, or a new one",
}
_PROBLEM = "ProblemDetails"


def document(operations: Iterable[Operation], build: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of these operations."""
    listed = list(operations)
    paths: dict[str, Any] = {}
    for operation in listed:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "modelsystem scorer", "version": build, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": _schemas(listed),
            "headers": {name: _header(about) for name, about in _HEADERS.items()},
            "responses": {"Problem": _problem()},
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    summary, _, more = inspect.cleandoc(operation.view.__doc__ or "").partition("\n\n")
    told: dict[str, Any] = {
        "operationId": operation.name,
        "summary": summary,
        "parameters": [*_path_parameters(operation), *_query_parameters(operation)],
        "responses": _responses(operation),
    }
    if more:
        told["description"] = more
    if operation.body:
        told["requestBody"] = {
            "required": True,
            "content": {"application/json": _of(operation.body)},
        }
    return told


def _path_parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)\}", operation.path):
        schema: dict[str, Any] = {"type": "string", "minLength": 1}
        if operation.choices:
            schema["enum"] = list(operation.choices)
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    if operation.query is None:
        return
    schema = operation.query.model_json_schema()
    for name, told in schema.get("properties", {}).items():
        required = name in schema.get("required", ())
        yield {"name": name, "in": "query", "required": required, "schema": told}


def _responses(operation: Operation) -> dict[str, Any]:
    good = {
        "description": "the answer",
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS},
        "content": {media_type: _of(kind) for media_type, kind in operation.answers.items()},
    }
    problems = set(operation.problems) | {HTTPStatus.BAD_REQUEST}
    if operation.body:
        problems.update(_OF_BODIES)
    reference = {"$ref": "#/components/responses/Problem"}
    return {"200": good, **{str(status.value): reference for status in sorted(problems)}}


def _problem() -> dict[str, Any]:
    return {
        "description": "why there is no answer",
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS},
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model=_PROBLEM)}}},
    }


def _header(about: str) -> dict[str, Any]:
    return {"description": about, "required": True, "schema": {"type": "string"}}


def _of(kind: Any) -> dict[str, Any]:
    if kind is str:
        return {"schema": {"type": "string"}}
    if kind is bytes:
        return {"schema": {}}
    if kind is dict:
        return {"schema": {"type": "object"}}
    return {"schema": {"$ref": _REFERENCE.format(model=kind.__name__)}}


def _schemas(operations: list[Operation]) -> dict[str, Any]:
    """Return the schemas of all messages that operations take or give."""
    bodies: list[Any] = [operation.body for operation in operations if operation.body]
    answers = {
        kind.__name__: kind
        for operation in operations
        for kind in operation.answers.values()
        if kind not in (str, bytes, dict)
    }
    kinds = [*bodies, *answers.values(), ProblemDetails]
    taken: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        (kind.__name__, "validation", TypeAdapter(kind)) for kind in kinds
    ]
    _, schema = TypeAdapter.json_schemas(taken, ref_template=_REFERENCE)
    found: dict[str, Any] = schema["$defs"]
    # Any JSON is taken there, for an error of its own, but this is what is meant.
    rows = found[BatchRequest.__name__]["properties"]["requests"]
    rows["items"] = {"anyOf": [_of(RecommendationRequest)["schema"], {}]}
    return found
