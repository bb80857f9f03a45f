"""The routes of version 1: from a message to an answer."""

from http import HTTPStatus

from flask import Response

from modelsystem_scorer import api
from modelsystem_scorer.api import JSON, Table
from modelsystem_scorer.v1 import answers, batch
from modelsystem_scorer.v1.messages import (
    Batch,
    BatchRequest,
    CandidateScores,
    FoundItems,
    GateQuestions,
    Query,
    RecommendationRequest,
    Recommendations,
    ScoresRequest,
    SearchQuery,
    SimilarItems,
)

table = Table()
evaluation = Table()  # only with EVALUATION_ENDPOINT=on


@table.post("/v1/recommendations", {JSON: Recommendations}, body=RecommendationRequest)
def recommendations() -> Response:
    """Recommend items for a user, for a list of items, or for both.

    Unknown users get popular items; `fallback` says so.
    """
    return _recommend(api.body(RecommendationRequest))


@table.post("/v1/recommendations/batch", {JSON: Batch}, body=BatchRequest)
def recommendations_batch() -> Response:
    """Answer several requests at once, each with an answer or an error of its own."""
    request = api.body(BatchRequest)
    api.check_changed(api.site().served, api.canonical(request))
    return api.respond(batch.recommendations(api.site(), request))


@table.get("/v1/users/{user_id}/recommendations", {JSON: Recommendations}, query=Query)
def recommendations_of_user(user_id: str) -> Response:
    """Recommend items for a user."""
    # Not validated: any text can be an id, and the server bounds the length of a path.
    request = RecommendationRequest.model_construct(user_id=user_id, k=api.query(Query).k)
    return _recommend(request)


def _recommend(request: RecommendationRequest) -> Response:
    site = api.site()
    api.check_changed(site.served, api.canonical(request))
    return Response(answers.encoded(site, request), mimetype=JSON)


@table.get(
    "/v1/items/{item_id}/similar",
    {JSON: SimilarItems},
    HTTPStatus.NOT_FOUND,
    query=Query,
)
def similar_items(item_id: str) -> Response:
    """List an item's nearest neighbours."""
    answer = answers.similar(api.site().served, item_id, api.query(Query).k)
    if answer is None:
        raise api.problem(HTTPStatus.NOT_FOUND, "item_id", "not in the model")
    return api.respond(answer)


@table.get("/v1/items", {JSON: FoundItems}, query=SearchQuery)
def search_items() -> Response:
    """Search for items by a part of their title or id; trending items come first."""
    query = api.query(SearchQuery)
    return api.respond(answers.search(api.site().served, query.q, query.k))


@table.post("/v1/scores", {JSON: CandidateScores}, body=ScoresRequest)
def scores() -> Response:
    """Score candidates for a user, for a list of items, or for both."""
    request = api.body(ScoresRequest)
    api.check_changed(api.site().served, api.canonical(request))
    return api.respond(answers.scores(api.site().served, request))


@table.get("/v1/provenance", {JSON: dict})
def provenance() -> Response:
    """Return the manifest: the model's files, data, parameters and metrics, and its training."""
    return Response(api.site().served.published.manifest.to_bytes(), mimetype=JSON)


@table.get("/v1/provenance/signature", {JSON: dict}, HTTPStatus.NOT_FOUND)
def signature() -> Response:
    """Return the model's signature, as an OpenSSF model-signing bundle, if it has one."""
    bundle = api.site().served.signature
    if bundle is None:
        raise api.problem(HTTPStatus.NOT_FOUND, "path", "this model is not signed")
    return Response(bundle, mimetype=JSON)


@evaluation.get("/v1/evaluation/questions", {JSON: GateQuestions})
def evaluation_questions() -> Response:
    """Return the gate users' questions: earlier items, and the held-out ones to be found."""
    return api.respond(answers.questions(api.site().served))
