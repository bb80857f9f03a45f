"""The limits of requests, in the schema and in validation."""

from typing import Any

import pytest
from pydantic import ValidationError

from modelsystem_scorer.v1.messages import RecommendationRequest

AT_THE_LIMIT = {
    "user_id": "☃" * 1000,
    "items": ["i" * 1000] * 1000,
    "k": 1000,
    "exclude_items": ["e" * 1000] * 10_000,
}
BEYOND = {
    "user_id": "☃" * 1001,
    "items": ["i"] * 1001,
    "k": 1001,
    "exclude_items": ["e"] * 10_001,
}


def test_values_at_the_limits_are_accepted() -> None:
    """Also all of them in one request."""
    request = RecommendationRequest.model_validate(AT_THE_LIMIT)
    assert len(request.exclude_items) == 10_000


@pytest.mark.parametrize("field", BEYOND)
def test_a_value_beyond_its_limit_is_refused(field: str) -> None:
    """The error names the field."""
    with pytest.raises(ValidationError) as caught:
        RecommendationRequest.model_validate({**AT_THE_LIMIT, field: BEYOND[field]})
    assert [error["loc"] for error in caught.value.errors()] == [(field,)]


def test_the_schema_states_the_limits() -> None:
    """The schema has the limits by which requests are refused."""
    schema: dict[str, Any] = RecommendationRequest.model_json_schema()
    fields = schema["properties"]
    assert (fields["k"]["minimum"], fields["k"]["maximum"], fields["k"]["default"]) == (1, 1000, 20)
    assert fields["user_id"]["anyOf"][0]["maxLength"] == 1000
    assert fields["items"]["anyOf"][0]["maxItems"] == 1000
    assert fields["exclude_items"]["maxItems"] == 10_000
    assert schema["additionalProperties"] is False
