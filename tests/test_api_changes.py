"""The API breaks no client of the last released one, and docs/api_changes.py would notice."""

import copy
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
CHANGES = runpy.run_path(str(ROOT / "docs" / "api_changes.py"))
ASK = "/v1/recommendations"
Document = dict[str, Any]


def fields(document: Document, schema: str) -> Document:
    """Return the fields of a schema."""
    properties: Document = document["components"]["schemas"][schema]["properties"]
    return properties


def operation(document: Document, path: str, method: str = "get") -> Document:
    """Return an operation."""
    described: Document = document["paths"][path][method]
    return described


def require(document: Document, schema: str, name: str) -> None:
    """Add a required field to a schema."""
    described = document["components"]["schemas"][schema]
    described["properties"][name] = {"type": "string"}
    described.setdefault("required", []).append(name)


BREAKING: dict[str, Callable[[Document], object]] = {
    f"{ASK}: the path is gone": lambda d: d["paths"].pop(ASK),
    f"POST {ASK}: the operation is gone": lambda d: d["paths"][ASK].pop("post"),
    "GET /v1/items: parameter query k is gone": lambda d: operation(d, "/v1/items")[
        "parameters"
    ].pop(1),
    "GET /v1/items: parameter query k is required now": lambda d: operation(d, "/v1/items")[
        "parameters"
    ][1].update(required=True),
    "GET /v1/items: parameter query k: maximum is 5 now, not 50": lambda d: operation(
        d, "/v1/items"
    )["parameters"][1]["schema"].update(maximum=5),
    "RecommendationRequest.k: the field is gone": lambda d: fields(d, "RecommendationRequest").pop(
        "k"
    ),
    "RecommendationRequest.lang: the field is new and required": lambda d: require(
        d, "RecommendationRequest", "lang"
    ),
    "RecommendationRequest.k: integer is refused now": lambda d: fields(d, "RecommendationRequest")[
        "k"
    ].update(type="string"),
    "RecommendationRequest.user_id: null is refused now": lambda d: fields(
        d, "RecommendationRequest"
    ).update(user_id={"type": "string", "maxLength": 1000}),
    "RecommendationRequest.k: maximum is 100 now, not 1000": lambda d: fields(
        d, "RecommendationRequest"
    )["k"].update(maximum=100),
    "Recommendations.fallback: the field is gone": lambda d: fields(d, "Recommendations").pop(
        "fallback"
    ),
    "Recommendations.fallback: the field may be missing now": lambda d: d["components"]["schemas"][
        "Recommendations"
    ]["required"].remove("fallback"),
    "Recommendations.unknown_items: null is new in an answer": lambda d: fields(
        d, "Recommendations"
    ).update(
        unknown_items={"anyOf": [fields(d, "Recommendations")["unknown_items"], {"type": "null"}]}
    ),
    f"POST {ASK}: answer 200: header X-Model-Build is gone": lambda d: operation(d, ASK, "post")[
        "responses"
    ]["200"]["headers"].pop("X-Model-Build"),
    f"POST {ASK}: answer 200 is gone": lambda d: operation(d, ASK, "post")["responses"].pop("200"),
}


@pytest.fixture
def released() -> Document:
    """Return the released document."""
    document: Document = CHANGES["released"]()
    return document


@pytest.mark.parametrize("sentence", BREAKING)
def test_a_breaking_change_is_named(released: Document, sentence: str) -> None:
    """With its place: what is gone, newly required, or narrowed."""
    changed = copy.deepcopy(released)
    BREAKING[sentence](changed)
    assert sentence in CHANGES["Comparison"](released, changed).breaking


def add_what_is_harmless(document: Document) -> None:
    """Add a path, an optional field of a request, a field of an answer and a parameter."""
    document["paths"]["/v1/news"] = document["paths"]["/v1/items"]
    fields(document, "RecommendationRequest")["lang"] = {"type": "string"}
    fields(document, "RecommendationRequest")["k"]["maximum"] = 2000
    fields(document, "Recommendations")["took"] = {"type": "number"}
    operation(document, "/v1/users/{user_id}/recommendations")["parameters"].append(
        {"in": "query", "name": "lang", "required": False, "schema": {"type": "string"}}
    )


def test_an_addition_breaks_nothing(released: Document) -> None:
    """It is listed by its name, so that the changelog can be compared."""
    changed = copy.deepcopy(released)
    add_what_is_harmless(changed)
    comparison = CHANGES["Comparison"](released, changed)
    assert comparison.breaking == []
    names = {addition.name for addition in comparison.additions}
    assert names == {"/v1/news", "lang", "took", "query lang"}


def test_nothing_that_is_there_is_a_change(released: Document) -> None:
    """The comparison of a document with itself is empty."""
    comparison = CHANGES["Comparison"](released, copy.deepcopy(released))
    assert (comparison.breaking, comparison.additions) == ([], [])


def test_this_commit_breaks_no_client() -> None:
    """Compared with docs/openapi.json; what may change in v1 is in docs/api.md."""
    assert CHANGES["Comparison"](CHANGES["released"](), CHANGES["current"]()).breaking == []


def test_the_changelog_names_every_addition() -> None:
    """What is new in the API since the last release stands below `[Unreleased]`."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("\n## ")[1]
    comparison = CHANGES["Comparison"](CHANGES["released"](), CHANGES["current"]())
    for name, place in comparison.additions:
        assert f"`{name.split()[-1]}`" in text, f"{name} in {place}"
