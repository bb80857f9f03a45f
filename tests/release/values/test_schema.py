"""The chart's schema, which says what may be assigned."""

import json
from pathlib import Path
from typing import Any

import pytest

from modelsystem_release.values import Schema
from modelsystem_shared.errors import UsageError

CHARTS = Path(__file__).parents[3] / "helm"
SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "description": "the values",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "image": {"description": "image of the trainer", "$ref": "#/definitions/image"},
        "pods": {"description": "number of pods", "$ref": "#/definitions/count"},
        "builds": {"type": "array", "items": {"$ref": "#/definitions/build"}},
        "number": {"description": "the build", "allOf": [{"$ref": "#/definitions/text"}]},
    },
    "definitions": {
        "count": {"$ref": "#/definitions/natural"},
        "natural": {"type": "integer", "minimum": 0},
        "text": {"type": "string", "description": "text in quotes"},
        "image": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"tag": {"description": "tag of the image", "type": "string"}},
        },
        "build": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"weight": {"$ref": "#/definitions/count"}},
        },
    },
}


def fault(schema: Schema, values: dict[str, Any]) -> str:
    """Return what is wrong with values of which everything was assigned."""
    with pytest.raises(UsageError) as caught:
        schema.check(values, [(key,) for key in values], allow_new=False)
    return str(caught.value)


@pytest.fixture
def schema(tmp_path: Path) -> Schema:
    """Return a schema with references."""
    path = tmp_path / "values.schema.json"
    path.write_text(json.dumps(SCHEMA), encoding="utf-8")
    return Schema(path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"image": {"tga": "1"}},
            "image.tga: the chart has no such value; did you mean image.tag?",
        ),
        ({"builds": [{"wieght": 1}]}, "did you mean builds.0.weight?"),
        ({"imgae": {}}, "imgae: the chart has no such value; did you mean image?"),
        ({"image": {"tag": 1}}, 'image.tag: must have type "string" (tag of the image)'),
        ({"image": 1}, 'image: must have type "object" (image of the trainer)'),
        ({"pods": -1}, "pods: must have minimum 0 (number of pods)"),
        ({"builds": [{"weight": "x"}]}, 'builds.0.weight: must have type "integer"'),
        ({"number": 1}, 'number: must have type "string" (text in quotes)'),
    ],
)
def test_a_fault_is_named_through_references(
    schema: Schema, values: dict[str, Any], message: str
) -> None:
    """The cure names keys of a referenced definition, and the nearest description."""
    assert message in fault(schema, values)


def test_the_value_is_not_shown(schema: Schema) -> None:
    """It may be a secret."""
    assert "31415" not in fault(schema, {"image": {"tag": 31415}})


def test_faults_of_values_that_were_not_assigned_are_left_to_helm(schema: Schema) -> None:
    """Only what was assigned is judged."""
    schema.check({"pods": -1, "number": "1"}, [("number",)], allow_new=False)


@pytest.mark.parametrize(
    ("chart", "values", "message"),
    [
        ("modelsystem", {"waiterimage": {"tga": "1"}}, "did you mean waiterimage.tag?"),
        ("modelsystem", {"podMonitor": {"enable": True}}, "did you mean podMonitor.enabled?"),
        ("modelsystem", {"replicaCount": "2"}, "(number of the site's pods"),
        ("modelsystem-routing", {"builds": [{"nmber": "1"}]}, "did you mean builds.0.number?"),
    ],
)
def test_the_charts_own_schemas_are_understood(
    chart: str, values: dict[str, Any], message: str
) -> None:
    """With their references and the descriptions of values.yaml."""
    assert message in fault(Schema(CHARTS / chart / "values.schema.json"), values)
