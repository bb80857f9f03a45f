"""The description is of all that there is, and of nothing else."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import TypeAdapter

from modelsystem_scorer.api.messages import (
    MOST_REQUESTS,
    Batch,
    FoundItems,
    ProblemDetails,
    Questions,
    Recommendations,
    Scores,
    SimilarItems,
)
from modelsystem_scorer.app import create_app
from modelsystem_scorer.engine.served import Served
from modelsystem_scorer.v2.inference import ModelMetadata


@pytest.fixture
def document(served: Served) -> dict[str, Any]:
    """Return the document of a site with everything switched on."""
    client = create_app(served, evaluation=True).test_client()
    document: dict[str, Any] = client.get("/openapi.json").get_json()
    return document


def test_every_route_is_described(served: Served, document: dict[str, Any]) -> None:
    """Flask's routes and the document's operations are the same."""
    app = create_app(served, evaluation=True)
    routes = {
        (method, app.extensions["paths"][rule.endpoint])
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }
    described = {
        (method.upper(), path) for path, told in document["paths"].items() for method in told
    }
    assert described == routes
    assert len(routes) > 20


def test_every_operation_has_a_name_and_a_sentence(document: dict[str, Any]) -> None:
    """Names are unique, as generated clients need them."""
    operations = [told for path in document["paths"].values() for told in path.values()]
    assert len({o["operationId"] for o in operations}) == len(operations)
    assert all(o["summary"].endswith(".") for o in operations)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    """Whatever is referred to is there."""

    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if "$ref" in part else []
            return own + [r for value in part.values() for r in references(value)]
        return [r for value in part for r in references(value)] if isinstance(part, list) else []

    found = references(document)
    assert len(found) > 50
    for reference in found:
        part = document
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]
        assert part


def test_limits_are_stated(document: dict[str, Any]) -> None:
    """Whoever reads the schema learns what is refused."""
    schemas = document["components"]["schemas"]
    assert schemas["BatchRequest"]["properties"]["requests"]["maxItems"] == MOST_REQUESTS
    assert schemas["ScoresRequest"]["properties"]["candidates"]["maxItems"] == 10_000
    assert schemas["Item"]["anyOf"][0] == {"type": "string", "maxLength": 1000}
    weight = schemas["Item"]["anyOf"][1]["properties"]["weight"]
    assert (weight["exclusiveMinimum"], weight["maximum"]) == (0, 1000)


ANSWERS = [
    ("/v1/recommendations", Recommendations, {"items": ["7"], "explain": True}),
    ("/v1/recommendations/batch", Batch, {"requests": [{"items": ["7"]}, {}]}),
    ("/v1/scores", Scores, {"items": ["7"], "candidates": ["a/b", "x"]}),
    ("/v1/items/7/similar", SimilarItems, None),
    ("/v1/items?q=7", FoundItems, None),
    ("/v1/evaluation/questions", Questions, None),
    ("/v1/users//recommendations", ProblemDetails, None),
    ("/v2/models/modelsystem", ModelMetadata, None),
]


@pytest.mark.parametrize(("path", "kind", "body"), ANSWERS)
def test_answers_are_what_the_schema_says(served: Served, path: str, kind: Any, body: Any) -> None:
    """Types of answers, which nothing checks while serving, hold for real answers."""
    client = create_app(served, evaluation=True).test_client()
    answer = client.post(path, json=body) if body else client.get(path)
    TypeAdapter(kind).validate_json(answer.data, strict=True)


def test_what_is_off_is_not_described(client: FlaskClient) -> None:
    """Without EVALUATION_ENDPOINT there are no questions, and nothing says that there are."""
    assert client.get("/v1/evaluation/questions").status_code == 404
    assert "/v1/evaluation/questions" not in (client.get("/openapi.json").json or {})["paths"]


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/metrics", "/docs", "/v2", "/v1/provenance"]
)
def test_nothing_unknown_is_ignored(client: FlaskClient, path: str) -> None:
    """A query where there is none to be had is a bad request that names it."""
    answer = client.get(f"{path}?x=1")
    assert answer.status_code == 400
    assert (answer.json or {})["errors"][0]["field"] == "x"
