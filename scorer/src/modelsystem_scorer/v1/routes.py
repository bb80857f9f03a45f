"""The routes of version 1: each one asks, and says what it takes and gives."""

from http import HTTPStatus

from flask import Response

from modelsystem_scorer.api import http, problems
from modelsystem_scorer.api.messages import (
    Batch,
    BatchRequest,
    FoundItems,
    Query,
    Questions,
    RecommendationRequest,
    Recommendations,
    Scores,
    ScoresRequest,
    SearchQuery,
    SimilarItems,
)
from modelsystem_scorer.api.operations import JSON, Table
from modelsystem_scorer.observe.observer import observer
from modelsystem_scorer.v1 import answers, batch

table = Table()
evaluation = Table()  # only where EVALUATION_ENDPOINT=on


@table.post("/v1/recommendations", {JSON: Recommendations}, body=RecommendationRequest)
def recommendations() -> Response:
    """Recommend to a user, or by items, or both.

    Who is not known gets what is popular, and `fallback` says so.
    """
    asked = http.body(RecommendationRequest)
    answer = answers.recommendations(http.served(), asked)
    _count(asked, answer)
    return http.json(answer)


@table.post("/v1/recommendations/batch", {JSON: Batch}, body=BatchRequest)
def recommendations_batch() -> Response:
    """Answer several requests at once, each with an answer or an error of its own."""
    asked = http.body(BatchRequest)
    return http.json(batch.recommendations(http.served(), asked, _count))


@table.get("/v1/users/{user_id}/recommendations", {JSON: Recommendations}, query=Query)
def recommendations_of_user(user_id: str) -> Response:
    """Recommend to a user."""
    # Not checked again: any text may be an id, and the server bounds the length of a path.
    asked = RecommendationRequest.model_construct(user_id=user_id, k=http.query(Query).k)
    answer = answers.recommendations(http.served(), asked)
    _count(asked, answer)
    return http.json(answer)


@table.get(
    "/v1/items/{item_id}/similar",
    {JSON: SimilarItems},
    HTTPStatus.NOT_FOUND,
    query=Query,
)
def similar_items(item_id: str) -> Response:
    """Name an item's neighbours."""
    found = answers.similar(http.served(), item_id, http.query(Query).k)
    if found is None:
        raise problems.at(HTTPStatus.NOT_FOUND, "item_id", "the model does not know this item")
    return http.json(found)


@table.get("/v1/items", {JSON: FoundItems}, query=SearchQuery)
def search_items() -> Response:
    """Find items by a part of their title or id, the most popular first."""
    asked = http.query(SearchQuery)
    return http.json(answers.found(http.served(), asked.q, asked.k))


@table.post("/v1/scores", {JSON: Scores}, body=ScoresRequest)
def scores() -> Response:
    """Score candidates for a user, or by items, or both."""
    return http.json(answers.scores(http.served(), http.body(ScoresRequest)))


@table.get("/v1/provenance", {JSON: dict})
def provenance() -> Response:
    """Show the manifest: what the model consists of and what made it."""
    return Response(http.served().published.manifest.to_bytes(), mimetype=JSON)


@evaluation.get("/v1/evaluation/questions", {JSON: Questions})
def evaluation_questions() -> Response:
    """Show the gate users' questions: earlier items, and the latest ones that are to be found."""
    return http.json(answers.questions(http.served()))


def _count(asked: RecommendationRequest, answer: Recommendations) -> None:
    kind = "items" if asked.items else "personal"
    observer().counters.answer("fallback" if answer["fallback"] else kind)
