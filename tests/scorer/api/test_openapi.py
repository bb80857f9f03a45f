"""The OpenAPI document describes every operation, and nothing else."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import TypeAdapter

from modelsystem_scorer.api import ProblemDetails
from modelsystem_scorer.app import create_app
from modelsystem_scorer.engine import ServedModel
from modelsystem_scorer.v1.messages import (
    MAX_BATCH_REQUESTS,
    Batch,
    CandidateScores,
    FoundItems,
    GateQuestions,
    Recommendations,
    SimilarItems,
)
from modelsystem_scorer.v2.messages import ModelMetadata


@pytest.fixture
def document(served: ServedModel) -> dict[str, Any]:
    """Return the document of a site with all endpoints."""
    client = create_app(served, evaluation=True).test_client()
    document: dict[str, Any] = client.get("/openapi.json").get_json()
    return document


def test_every_route_is_described(served: ServedModel, document: dict[str, Any]) -> None:
    """Flask's routes and the document's operations are the same."""
    app = create_app(served, evaluation=True)
    routes = {
        (method, re.sub(r"<(?:id:)?(\w+)>", r"{\1}", rule.rule), rule.endpoint)
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }
    described = {
        (method.upper(), path, operation["operationId"])
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    assert described == routes
    assert len(routes) > 20


def test_every_operation_has_a_name_and_a_sentence(document: dict[str, Any]) -> None:
    """The names are unique, as generated clients need them."""
    operations = [o for path in document["paths"].values() for o in path.values()]
    assert len({o["operationId"] for o in operations}) == len(operations)
    assert all(o["summary"].endswith(".") for o in operations)


def test_no_message_has_the_name_of_its_list(document: dict[str, Any]) -> None:
    """Nor is it a choice of several, but for an item: generators of clients stumble over both."""
    schemas: dict[str, dict[str, Any]] = document["components"]["schemas"]
    assert len(schemas) > 30
    for name, schema in schemas.items():
        fields: dict[str, Any] = schema.get("properties", {})
        lists = {field for field, described in fields.items() if "items" in described}
        assert name.lower() not in lists
        assert "anyOf" not in schema or name == "Item", name


def test_the_document_does_not_know_where_it_is(document: dict[str, Any]) -> None:
    """The server is relative: the paths are below the folder of the document."""
    assert [server["url"] for server in document["servers"]] == ["."]


def test_every_operation_is_in_a_described_group(document: dict[str, Any]) -> None:
    """The group is the version, or the site's own pages."""
    groups = {tag["name"] for tag in document["tags"]}
    for path, operations in document["paths"].items():
        version = path.split("/")[1]
        for operation in operations.values():
            assert operation["tags"] == [version if version in ("v1", "v2") else "site"]
            assert groups >= {*operation["tags"]}


def test_every_reference_resolves(document: dict[str, Any]) -> None:
    """No reference is to something that the document lacks."""

    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            reference = [part["$ref"]] if "$ref" in part else []
            return reference + [r for value in part.values() for r in references(value)]
        return [r for value in part for r in references(value)] if isinstance(part, list) else []

    all_references = references(document)
    assert len(all_references) > 50
    for reference in all_references:
        part = document
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]
        assert part


def test_limits_are_stated(document: dict[str, Any]) -> None:
    """The schemas have the limits by which requests are refused."""
    schemas = document["components"]["schemas"]
    requests = schemas["BatchRequest"]["properties"]["requests"]
    assert requests["maxItems"] == MAX_BATCH_REQUESTS
    request = {"$ref": "#/components/schemas/RecommendationRequest"}
    assert requests["items"] == {"anyOf": [request, {}]}
    assert schemas["ScoresRequest"]["properties"]["candidates"]["maxItems"] == 10_000
    assert schemas["Item"]["anyOf"][0] == {"type": "string", "maxLength": 1000}
    weight = schemas["Item"]["anyOf"][1]["properties"]["weight"]
    assert (weight["exclusiveMinimum"], weight["maximum"]) == (0, 1000)


ANSWERS = [
    ("/v1/recommendations", Recommendations, {"items": ["7"], "explain": True}),
    ("/v1/recommendations/batch", Batch, {"requests": [{"items": ["7"]}, {}]}),
    ("/v1/scores", CandidateScores, {"items": ["7"], "candidates": ["a/b", "x"]}),
    ("/v1/items/7/similar", SimilarItems, None),
    ("/v1/items?q=7", FoundItems, None),
    ("/v1/evaluation/questions", GateQuestions, None),
    ("/v1/users//recommendations", ProblemDetails, None),
    ("/v2/models/modelsystem", ModelMetadata, None),
]


@pytest.mark.parametrize(("path", "kind", "body"), ANSWERS)
def test_answers_have_their_types(served: ServedModel, path: str, kind: Any, body: Any) -> None:
    """The types of answers, which are not checked while serving, hold for real answers."""
    client = create_app(served, evaluation=True).test_client()
    answer = client.post(path, json=body) if body else client.get(path)
    TypeAdapter(kind).validate_json(answer.data, strict=True)


def test_an_endpoint_that_is_off_is_not_described(client: FlaskClient) -> None:
    """Without EVALUATION_ENDPOINT the questions are neither served nor described."""
    assert client.get("/v1/evaluation/questions").status_code == 404
    assert "/v1/evaluation/questions" not in (client.get("/openapi.json").json or {})["paths"]


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/metrics", "/docs", "/v2", "/v1/provenance"]
)
def test_unknown_query_parameters_are_refused(client: FlaskClient, path: str) -> None:
    """The problem names the parameter, also on paths that have none."""
    answer = client.get(f"{path}?x=1")
    assert answer.status_code == 400
    assert (answer.json or {})["errors"][0]["field"] == "x"
