"""The routes of version 1: each one asks, and says what it takes and gives."""

from http import HTTPStatus

from flask import Response

from modelsystem_scorer import answers, asking, batch, problems
from modelsystem_scorer.messages import (
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
from modelsystem_scorer.observation import observer
from modelsystem_scorer.operations import JSON, Table

table = Table()
evaluation = Table()  # only where EVALUATION_ENDPOINT=on


@table.post("/v1/recommendations", {JSON: Recommendations}, body=RecommendationRequest)
def recommendations() -> Response:
    """Recommend to a user, or by items, or both.

    Who is not known gets what is popular, and `fallback` says so.
    """
    asked = asking.body(RecommendationRequest)
    answer = answers.recommendations(asking.served(), asked)
    _count(asked, answer)
    return asking.json(answer)


@table.post("/v1/recommendations/batch", {JSON: Batch}, body=BatchRequest)
def recommendations_batch() -> Response:
    """Answer several requests at once, each with an answer or an error of its own."""
    asked = asking.body(BatchRequest)
    return asking.json(batch.recommendations(asking.served(), asked, _count))


@table.get("/v1/users/{user_id}/recommendations", {JSON: Recommendations}, query=Query)
def recommendations_of_user(user_id: str) -> Response:
    """Recommend to a user."""
    # Not checked again: any text may be an id, and the server bounds the length of a path.
    asked = RecommendationRequest.model_construct(user_id=user_id, k=asking.query(Query).k)
    answer = answers.recommendations(asking.served(), asked)
    _count(asked, answer)
    return asking.json(answer)


@table.get(
    "/v1/items/{item_id}/similar",
    {JSON: SimilarItems},
    HTTPStatus.NOT_FOUND,
    query=Query,
)
def similar_items(item_id: str) -> Response:
    """Name an item's neighbours."""
    found = answers.similar(asking.served(), item_id, asking.query(Query).k)
    if found is None:
        raise problems.at(HTTPStatus.NOT_FOUND, "item_id", "the model does not know this item")
    return asking.json(found)


@table.get("/v1/items", {JSON: FoundItems}, query=SearchQuery)
def search_items() -> Response:
    """Find items by a part of their title or id, the most popular first."""
    asked = asking.query(SearchQuery)
    return asking.json(answers.found(asking.served(), asked.q, asked.k))


@table.post("/v1/scores", {JSON: Scores}, body=ScoresRequest)
def scores() -> Response:
    """Score candidates for a user, or by items, or both."""
    return asking.json(answers.scores(asking.served(), asking.body(ScoresRequest)))


@table.get("/v1/provenance", {JSON: dict})
def provenance() -> Response:
    """Show the manifest: what the model consists of and what made it."""
    return Response(asking.served().published.manifest.to_bytes(), mimetype=JSON)


@evaluation.get("/v1/evaluation/questions", {JSON: Questions})
def evaluation_questions() -> Response:
    """Show the gate users' questions: earlier items, and the latest ones that are to be found."""
    return asking.json(answers.questions(asking.served()))


def _count(asked: RecommendationRequest, answer: Recommendations) -> None:
    kind = "items" if asked.items else "personal"
    observer().counters.answer("fallback" if answer["fallback"] else kind)
