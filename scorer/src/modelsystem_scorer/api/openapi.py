"""The OpenAPI document, made from the tables of operations and the types of their messages."""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from modelsystem_scorer.api.messages import MAX_BODY_BYTES, ProblemDetails
from modelsystem_scorer.api.operations import JSON, Operation
from modelsystem_scorer.api.problems import PROBLEM_JSON

JsonObject = dict[str, object]
_REFERENCE = "#/components/schemas/{model}"
_SUMMARY = "Recommendations of one build's model. The model of a site never changes."
_ABOUT = f"""\
Every answer has the model's build and digest in `X-Model-Build` and `X-Model-Digest`, and the id
of its request in `X-Request-Id`; a request can bring its own. If the build was made in a trace, its
id is in `X-Model-Trace`. Errors are problem details
(RFC 9457). A body has at most {MAX_BODY_BYTES:,} bytes and must arrive within ten seconds of the
request's head. Answers that depend on the model alone have an exact `ETag`: a request that brings
it in `If-None-Match` gets 304 and no content."""
_OF_BODIES = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
_HEADERS = {
    "X-Model-Build": "the build of the model, percent-encoded if it is not ASCII",
    "X-Model-Digest": "the digest of the model",
    "X-Request-Id": "the id that the request brought, or a new one",
}
_TAGS = {
    "v1": "Recommendations, scores and similar items, in JSON",
    "v2": "The Open Inference Protocol, version 2: tensors, in JSON or binary",
    "site": "Pages for people, probes and metrics",
}
_WITHOUT_SCHEMA: dict[type, JsonObject] = {
    str: {"type": "string"},
    bytes: {},
    dict: {"type": "object"},
}


def document(operations: Sequence[Operation], build: str) -> JsonObject:
    """Return the OpenAPI 3.1 document of these operations."""
    paths: dict[str, JsonObject] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "modelsystem scorer",
            "version": build,
            "summary": _SUMMARY,
            "description": _ABOUT,
        },
        "servers": [{"url": ".", "description": "where this document is"}],
        "tags": [{"name": name, "description": about} for name, about in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": _schemas(operations),
            "headers": {name: _header(about) for name, about in _HEADERS.items()},
            "responses": {"Problem": _problem()},
        },
    }


def _operation(operation: Operation) -> JsonObject:
    summary, _, description = inspect.cleandoc(operation.view.__doc__ or "").partition("\n\n")
    described: JsonObject = {
        "operationId": operation.name,
        "tags": [_tag(operation)],
        "summary": summary,
        "parameters": [*_path_parameters(operation), *_query_parameters(operation)],
        "responses": _responses(operation),
    }
    if description:
        described["description"] = description
    if operation.body:
        content = {JSON: {"schema": _schema(operation.body)}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _tag(operation: Operation) -> str:
    version = operation.path.split("/")[1]
    return version if version in _TAGS else "site"


def _path_parameters(operation: Operation) -> Iterator[JsonObject]:
    for name in re.findall(r"\{(\w+)\}", operation.path):
        schema: JsonObject = {"type": "string", "minLength": 1}
        if operation.choices:
            schema["enum"] = list(operation.choices)
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(operation: Operation) -> Iterator[JsonObject]:
    if operation.query is None:
        return
    schema = operation.query.model_json_schema()
    for name, described in schema.get("properties", {}).items():
        required = name in schema.get("required", ())
        yield {"name": name, "in": "query", "required": required, "schema": described}


def _responses(operation: Operation) -> JsonObject:
    good = {
        "description": "the answer",
        "headers": _header_references(),
        "content": {
            media_type: {"schema": _schema(kind)} for media_type, kind in operation.answers.items()
        },
    }
    problems = set(operation.problems) | {HTTPStatus.BAD_REQUEST}
    if operation.body:
        problems.update(_OF_BODIES)
    reference = {"$ref": "#/components/responses/Problem"}
    return {"200": good, **{str(status.value): reference for status in sorted(problems)}}


def _problem() -> JsonObject:
    return {
        "description": "why there is no answer",
        "headers": _header_references(),
        "content": {PROBLEM_JSON: {"schema": _schema(ProblemDetails)}},
    }


def _header(about: str) -> JsonObject:
    return {"description": about, "required": True, "schema": {"type": "string"}}


def _header_references() -> JsonObject:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}


def reference(message: type) -> dict[str, str]:
    """Return a reference to a message's schema."""
    return {"$ref": _REFERENCE.format(model=message.__name__)}


def _schema(kind: type) -> Mapping[str, object]:
    if kind in _WITHOUT_SCHEMA:
        return _WITHOUT_SCHEMA[kind]
    return reference(kind)


def _schemas(operations: Iterable[Operation]) -> object:
    """Return the schemas of all messages that operations take or give."""
    bodies = [operation.body for operation in operations if operation.body]
    answers = {
        kind.__name__: kind
        for operation in operations
        for kind in operation.answers.values()
        if kind not in _WITHOUT_SCHEMA
    }
    messages = [*bodies, *answers.values(), ProblemDetails]
    adapters: list[tuple[str, JsonSchemaMode, TypeAdapter[object]]] = [
        (message.__name__, "validation", TypeAdapter(message)) for message in messages
    ]
    _, schema = TypeAdapter.json_schemas(adapters, ref_template=_REFERENCE)
    return schema["$defs"]
