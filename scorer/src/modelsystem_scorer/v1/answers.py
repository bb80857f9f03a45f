"""From a request to its answer: ids to indices, a ranking, and back to ids with titles."""

from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from typing import NamedTuple

import numpy as np
from pydantic_core import to_json

from modelsystem_scorer.api import Site
from modelsystem_scorer.engine import Basis, Finder, Ranking, ServedModel
from modelsystem_scorer.v1.explanation import reasons
from modelsystem_scorer.v1.messages import (
    CandidateScore,
    CandidateScores,
    FoundItems,
    GateQuestions,
    Item,
    Popularity,
    Question,
    RecommendationRequest,
    Recommendations,
    ScoredItem,
    ScoresRequest,
    SimilarItems,
    UserOrItems,
)
from modelsystem_shared.numeric.arrays import Float32s
from modelsystem_shared.numeric.model import Model, Rows

_ENCODED = b'{"items":[%b],"fallback":%b,"unknown_items":%b,"model":%b}'


def recommend(site: Site, request: RecommendationRequest) -> Recommendations:
    """Answer a request, and count the answer by its kind."""
    selection = _select(site.served, request)
    _count(site, request, selection)
    return _recommendations(site.served, request, selection)


def recommendations(served: ServedModel, request: RecommendationRequest) -> Recommendations:
    """Answer from the user's history and the items of the request, each item counted once."""
    return _recommendations(served, request, _select(served, request))


def encoded(site: Site, request: RecommendationRequest) -> bytes:
    """Answer a request as JSON, and count the answer by its kind.

    The bytes are those of `to_json(recommend(site, request))`; it makes an object for each item
    only where it must: to explain the items, or to escape a part of a title.
    """
    selection = _select(site.served, request)
    _count(site, request, selection)
    content = (
        None
        if request.explain
        else _to_json(site.served, selection.ranking, selection.unknown_items)
    )
    return content or to_json(_recommendations(site.served, request, selection))


def encoded_of_user(site: Site, user_id: str, k: int) -> bytes:
    """Return what `encoded` returns for a request of a user id and k alone, in fewer steps."""
    served, history = site.served, _history(site.served, user_id)
    ranking = served.recommender.recommend(history, k, history.items)
    site.observer.counters.answer("fallback" if ranking.is_fallback else "personal")
    content = _to_json(served, ranking, [])
    if content is None:
        request = RecommendationRequest.model_validate({"user_id": user_id, "k": k})
        return to_json(_recommendations(served, request, _Selection(history, ranking, [])))
    return content


def _to_json(served: ServedModel, ranking: Ranking, unknown: list[str]) -> bytes | None:
    """Return an answer as JSON, or None if a part of an id or a title must be escaped."""
    listed = served.listing.to_json(ranking.items, to_json(ranking.scores))
    if listed is None:
        return None
    fallback = b'"popular"' if ranking.is_fallback else b"null"
    return _ENCODED % (listed, fallback, to_json(unknown) if unknown else b"[]", served.info_json)


class _Selection(NamedTuple):
    """What the answer to a request says."""

    basis: Basis
    ranking: Ranking
    unknown_items: list[str]


def _select(served: ServedModel, request: RecommendationRequest) -> _Selection:
    basis, unknown = _basis(served, request)
    excluded = basis.items if request.exclude_seen else []
    if request.exclude_items:
        excluded_items, unknown_excluded = _lookup(served.items, request.exclude_items)
        excluded = [*excluded_items, *excluded]
        unknown += unknown_excluded
    candidates = None
    if request.candidates is not None:
        known_candidates, unknown_candidates = _lookup(served.items, request.candidates)
        candidates = sorted(known_candidates)
        unknown += unknown_candidates
    ranking = served.recommender.recommend(basis, request.k, excluded, candidates)
    return _Selection(basis, ranking, list(dict.fromkeys(unknown)) if unknown else unknown)


def _count(site: Site, request: RecommendationRequest, selection: _Selection) -> None:
    kind = "items" if request.items else "personal"
    site.observer.counters.answer("fallback" if selection.ranking.is_fallback else kind)


def _recommendations(
    served: ServedModel, request: RecommendationRequest, selection: _Selection
) -> Recommendations:
    items = _scored_items(served, selection.ranking)
    if request.explain:
        _explain(served, selection.basis, selection.ranking, items)
    return {
        "items": items,
        "fallback": "popular" if selection.ranking.is_fallback else None,
        "unknown_items": selection.unknown_items,
        "model": served.info,
    }


def scores(served: ServedModel, request: ScoresRequest) -> CandidateScores:
    """Answer with a score for each candidate."""
    basis, unknown = _basis(served, request)
    indices = [served.items.find(item_id) for item_id in request.candidates]
    known = [index for index in indices if index is not None]
    recommender = served.recommender
    is_fallback = not recommender.is_informative(basis)
    known_scores = recommender.trend(known) if is_fallback else recommender.scores(basis, known)
    next_score = iter(known_scores)
    candidates: list[CandidateScore] = [
        {"item_id": item_id, "score": None if index is None else next(next_score)}
        for item_id, index in zip(request.candidates, indices, strict=True)
    ]
    unknown += [candidate["item_id"] for candidate in candidates if candidate["score"] is None]
    return {
        "scores": candidates,
        "fallback": "popular" if is_fallback else None,
        "unknown_items": list(dict.fromkeys(unknown)),
        "model": served.info,
    }


def similar(served: ServedModel, item_id: str, k: int) -> SimilarItems | None:
    """Answer with an item's neighbours, or return None if the item is not in the model."""
    item = served.items.find(item_id)
    if item is None:
        return None
    return {
        "item_id": item_id,
        "title": served.title(item),
        "items": _scored_items(served, served.recommender.similar(item, k)),
        "model": served.info,
    }


def search(served: ServedModel, part: str, k: int) -> FoundItems:
    """Answer with at most `k` items whose title or id contains `part`, trending items first."""
    items = served.catalogue.find(part, k)
    return {"items": [{"item_id": served.model.items[i], "title": served.title(i)} for i in items]}


def questions(served: ServedModel) -> GateQuestions:
    """Answer with the questions of all gate users."""
    earlier, held_out = served.model.questions, served.model.answers
    listed: list[Question] = [
        {"items": _ids(served, earlier, row), "answers": _ids(served, held_out, row)}
        for row in range(len(earlier))
    ]
    return {"questions": listed, "popularity": _popularity(served.model), "model": served.info}


def _popularity(model: Model) -> Popularity | None:
    if not len(model.users):
        return None
    counts = np.bincount(model.history.indices, minlength=model.n_items)
    item_ids = model.items.pick(range(model.n_items))
    return {"users": len(model.users), "item_ids": item_ids, "counts": counts.tolist()}


def _ids(served: ServedModel, rows: Rows, row: int) -> list[str]:
    return served.model.items.pick(rows[row].tolist())


def _basis(served: ServedModel, request: UserOrItems) -> tuple[Basis, list[str]]:
    """Return the items that the answer builds on, and the unknown ids of the request."""
    history = _history(served, request.user_id)
    if not request.items:
        return history, []
    counts = [1.0] * len(history.items) if history.weights is None else history.weights.tolist()
    weights = dict(zip(history.items, counts, strict=True))
    request_weights, unknown = _weights(served, request.items)
    weights |= request_weights
    items = sorted(weights)
    return Basis(items, _array([weights[item] for item in items])), unknown


def _weights(served: ServedModel, items: Iterable[Item]) -> tuple[dict[int, float], list[str]]:
    """Return the weight of each known item, and the ids of the others.

    Of an item that is listed twice the last place and weight count.
    """
    weights: dict[int, float] = {}
    unknown = []
    for item in items:
        index = served.items.find(item.item_id)
        if index is None:
            unknown.append(item.item_id)
        else:
            weights.pop(index, None)  # so that it moves to the end
            weights[index] = item.weight
    return _times_recency(weights, served.recency), unknown


def _times_recency(weights: dict[int, float], recency: Sequence[float]) -> dict[int, float]:
    """Multiply the weights, the latest item's last, by the model's weights of recency."""
    factors = chain(recency, repeat(recency[-1]))
    return {
        index: weight * factor
        for (index, weight), factor in zip(reversed(weights.items()), factors, strict=False)
    }


def _array(weights: list[float]) -> Float32s | None:
    return None if all(weight == 1 for weight in weights) else np.array(weights, np.float32)


def _history(served: ServedModel, user_id: str | None) -> Basis:
    user = None if user_id is None else served.users.find(user_id)
    if user is None:
        return Basis([])
    bounds = served.model.history.bounds(user)
    weights = served.model.confidence[bounds] if served.has_confidence else None
    return Basis(served.model.history.indices[bounds].tolist(), weights)


def _lookup(finder: Finder, ids: Iterable[str]) -> tuple[set[int], list[str]]:
    """Return the indices of the known ids, and the unknown ids."""
    by_id = {value: finder.find(value) for value in ids}
    known = {index for index in by_id.values() if index is not None}
    return known, [value for value, index in by_id.items() if index is None]


def _scored_items(served: ServedModel, ranking: Ranking) -> list[ScoredItem]:
    ids, titles = served.model.items.pick(ranking.items), served.model.titles.pick(ranking.items)
    return [
        {"item_id": item_id, "title": title or None, "score": score}
        for item_id, title, score in zip(ids, titles, ranking.scores, strict=True)
    ]


def _explain(served: ServedModel, basis: Basis, ranking: Ranking, items: list[ScoredItem]) -> None:
    """Add to each item the contributions to its score; trending items have none."""
    explained = [] if ranking.is_fallback else ranking.items
    contributions = served.recommender.explain(basis, explained)
    for place, item in enumerate(items):
        parts = [] if ranking.is_fallback else contributions[place]
        item["because"] = reasons(served, parts, item["score"])
