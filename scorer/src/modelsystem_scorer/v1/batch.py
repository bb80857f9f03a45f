"""Many requests at once, each with an answer or an error of its own."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError

from modelsystem_scorer.api import problems
from modelsystem_scorer.api.messages import (
    MOST_IDS_OF_BATCH,
    MOST_ITEMS_OF_BATCH,
    Batch,
    BatchRequest,
    BatchRow,
    RecommendationRequest,
    Recommendations,
)
from modelsystem_scorer.api.problems import Problem
from modelsystem_scorer.engine.served import Served
from modelsystem_scorer.v1 import answers


class _Allowance:
    """What the requests of a batch may still ask for together."""

    def __init__(self) -> None:
        self._items = MOST_ITEMS_OF_BATCH
        self._ids = MOST_IDS_OF_BATCH

    def take(self, asked: RecommendationRequest) -> None:
        """Take this request's part; nothing is left when it asks for more than there is."""
        self._items -= asked.k
        self._ids -= asked.ids
        if self._items < 0:
            raise _beyond("k", f"the batch asks for more than {MOST_ITEMS_OF_BATCH:,} items")
        if self._ids < 0:
            raise _beyond("body", f"the batch names more than {MOST_IDS_OF_BATCH:,} ids")


def _beyond(field: str, message: str) -> Problem:
    return problems.at(HTTPStatus.UNPROCESSABLE_ENTITY, field, message)


def recommendations(
    served: Served,
    asked: BatchRequest,
    count: Callable[[RecommendationRequest, Recommendations], None],
) -> Batch:
    """Answer each request by itself, and count each answer."""
    allowance = _Allowance()
    rows = [_row(served, request, allowance, count) for request in asked.requests]
    return {"answers": rows, "model": served.info}


def _row(
    served: Served,
    request: Any,
    allowance: _Allowance,
    count: Callable[[RecommendationRequest, Recommendations], None],
) -> BatchRow:
    try:
        if not isinstance(request, dict):
            raise problems.at(HTTPStatus.UNPROCESSABLE_ENTITY, "body", "is not an object")
        asked = RecommendationRequest.model_validate(request)
        allowance.take(asked)
    except ValidationError as error:
        problem = problems.of(error, HTTPStatus.UNPROCESSABLE_ENTITY)
        return {"answer": None, "error": problem.details}
    except Problem as problem:
        return {"answer": None, "error": problem.details}
    answer = answers.recommendations(served, asked)
    count(asked, answer)
    return {"answer": answer, "error": None}
