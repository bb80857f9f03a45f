"""Batches of requests: each gets its own answer or its own error."""

from http import HTTPStatus

from pydantic import ValidationError

from modelsystem_scorer import api
from modelsystem_scorer.api import Problem, Site
from modelsystem_scorer.v1 import answers
from modelsystem_scorer.v1.messages import (
    MAX_BATCH_IDS,
    MAX_BATCH_ITEMS,
    Batch,
    BatchRequest,
    BatchRow,
    RecommendationRequest,
)


class _Allowance:
    """How many items the requests of a batch can still ask for, and how many ids contain."""

    def __init__(self) -> None:
        self._items = MAX_BATCH_ITEMS
        self._ids = MAX_BATCH_IDS

    def take(self, request: RecommendationRequest) -> None:
        """Take a request's part; once it is too little, it is too little for all that follow.

        Raises:
            Problem: 422.

        """
        self._items -= request.k
        self._ids -= request.n_ids
        if self._items < 0:
            raise _exceeded("k", f"the batch asks for more than {MAX_BATCH_ITEMS:,} items")
        if self._ids < 0:
            raise _exceeded("body", f"the batch contains more than {MAX_BATCH_IDS:,} ids")


def _exceeded(field: str, message: str) -> Problem:
    return api.problem(HTTPStatus.UNPROCESSABLE_ENTITY, field, message)


def recommendations(site: Site, batch: BatchRequest) -> Batch:
    """Answer and count each request by itself."""
    allowance = _Allowance()
    rows = [_row(site, request, allowance) for request in batch.requests]
    return {"answers": rows, "model": site.served.info}


def _row(site: Site, content: object, allowance: _Allowance) -> BatchRow:
    try:
        request = _request(content)
        allowance.take(request)
    except Problem as problem:
        return {"answer": None, "error": problem.details}
    return {"answer": answers.recommend(site, request), "error": None}


def _request(content: object) -> RecommendationRequest:
    if not isinstance(content, dict):
        raise api.problem(HTTPStatus.UNPROCESSABLE_ENTITY, "body", "must be an object")
    try:
        return RecommendationRequest.model_validate(content)
    except ValidationError as error:
        raise api.invalid(error, HTTPStatus.UNPROCESSABLE_ENTITY) from error
