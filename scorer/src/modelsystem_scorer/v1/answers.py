"""From a request to its answer: ids to indices, a ranking, and back to ids with titles."""

from collections.abc import Iterable, Sequence
from itertools import chain, repeat

import numpy as np

from modelsystem_scorer.api.messages import (
    Asker,
    CandidateScore,
    FoundItems,
    Item,
    Question,
    Questions,
    RecommendationRequest,
    Recommendations,
    ScoredItem,
    Scores,
    ScoresRequest,
    SimilarItems,
)
from modelsystem_scorer.engine.recommender import Basis, Ranking
from modelsystem_scorer.engine.served import Served
from modelsystem_scorer.v1.explanation import reasons
from modelsystem_shared.arrays import Array
from modelsystem_shared.model import Rows, Strings


def recommendations(served: Served, asked: RecommendationRequest) -> Recommendations:
    """Answer from the user's history and the given items, each item counted once."""
    basis, unknown = _basis(served, asked)
    unwanted, unknown_too = _lookup(served.model.items, asked.exclude_items)
    excluded = [*unwanted, *basis.items] if asked.exclude_seen else [*unwanted]
    candidates = None
    if asked.candidates is not None:
        wanted, unknown_candidates = _lookup(served.model.items, asked.candidates)
        candidates = sorted(wanted)
        unknown_too += unknown_candidates
    ranking = served.recommender.recommend(basis, asked.k, excluded, candidates)
    items = _scored(served, ranking)
    if asked.explain:
        _explain(served, basis, ranking, items)
    return {
        "items": items,
        "fallback": "popular" if ranking.is_fallback else None,
        "unknown_items": list(dict.fromkeys([*unknown, *unknown_too])),
        "model": served.info,
    }


def scores(served: Served, asked: ScoresRequest) -> Scores:
    """Score each candidate for the asker."""
    basis, unknown = _basis(served, asked)
    indices = [served.model.items.find(item_id) for item_id in asked.candidates]
    known = [index for index in indices if index is not None]
    is_fallback = not basis.items
    recommender = served.recommender
    found = recommender.popularity(known) if is_fallback else recommender.scores(basis, known)
    score = iter(found)
    told: list[CandidateScore] = [
        {"item_id": item_id, "score": None if index is None else next(score)}
        for item_id, index in zip(asked.candidates, indices, strict=True)
    ]
    unknown_too = [one["item_id"] for one in told if one["score"] is None]
    return {
        "scores": told,
        "fallback": "popular" if is_fallback else None,
        "unknown_items": list(dict.fromkeys([*unknown, *unknown_too])),
        "model": served.info,
    }


def similar(served: Served, item_id: str, k: int) -> SimilarItems | None:
    """Answer with the item's neighbours, or None when the model does not know the item."""
    item = served.model.items.find(item_id)
    if item is None:
        return None
    return {
        "item_id": item_id,
        "title": served.title(item),
        "items": _scored(served, served.recommender.similar(item, k)),
        "model": served.info,
    }


def found(served: Served, part: str, k: int) -> FoundItems:
    """Answer with the most popular items whose title or id holds `part`."""
    items = served.catalogue.find(part, k)
    return {"items": [{"item_id": served.model.items[i], "title": served.title(i)} for i in items]}


def questions(served: Served) -> Questions:
    """Answer with all questions that no build has learned the answers to."""
    asked, answers = served.model.questions, served.model.answers
    told: list[Question] = [
        {"items": _ids(served, asked, row), "answers": _ids(served, answers, row)}
        for row in range(len(asked))
    ]
    return {"questions": told, "model": served.info}


def _ids(served: Served, rows: Rows, row: int) -> list[str]:
    return served.model.items.pick(rows[row].tolist())


def _basis(served: Served, asked: Asker) -> tuple[Basis, list[str]]:
    """Return what the answer builds on, and the given ids that are not known."""
    history = _history(served, asked.user_id)
    if not asked.items:
        return history, []
    counts = [1.0] * len(history.items) if history.weights is None else history.weights.tolist()
    weights = dict(zip(history.items, counts, strict=True))
    given, unknown = _given(served, asked.items)
    weights |= given
    items = sorted(weights)
    return Basis(items, _weights([weights[item] for item in items])), unknown


def _given(served: Served, items: Iterable[Item]) -> tuple[dict[int, float], list[str]]:
    """Return what each known item counts, of equals the last one, and the ids of the others."""
    weights: dict[int, float] = {}
    unknown = []
    for item in items:
        index = served.model.items.find(item.item_id)
        if index is None:
            unknown.append(item.item_id)
        else:
            weights.pop(index, None)  # so that it moves to the end
            weights[index] = item.weight
    return _faded(weights, served.recency), unknown


def _faded(weights: dict[int, float], recency: Sequence[float]) -> dict[int, float]:
    """Let each of some items, the latest last, count less the more later ones there are."""
    counts = chain(recency, repeat(recency[-1]))
    return {
        index: weight * count
        for (index, weight), count in zip(reversed(weights.items()), counts, strict=False)
    }


def _weights(weights: list[float]) -> Array | None:
    return None if all(w == 1 for w in weights) else np.array(weights, np.float32)


def _history(served: Served, user_id: str | None) -> Basis:
    user = None if user_id is None else served.model.users.find(user_id)
    if user is None:
        return Basis([])
    bounds = served.model.history.bounds(user)
    counts = served.model.confidence[bounds] if served.fades else None
    return Basis(served.model.history.indices[bounds].tolist(), counts)


def _lookup(known: Strings, ids: Iterable[str]) -> tuple[set[int], list[str]]:
    """Return the indices of the known ids, and the ids that are not known."""
    found = {value: known.find(value) for value in ids}
    indices = {index for index in found.values() if index is not None}
    return indices, [value for value, index in found.items() if index is None]


def _scored(served: Served, ranking: Ranking) -> list[ScoredItem]:
    ids, titles = served.model.items.pick(ranking.items), served.model.titles.pick(ranking.items)
    return [
        {"item_id": item_id, "title": title or None, "score": score}
        for item_id, title, score in zip(ids, titles, ranking.scores, strict=True)
    ]


def _explain(served: Served, basis: Basis, ranking: Ranking, items: list[ScoredItem]) -> None:
    """Add to each item what its score is made of; popularity builds on nothing of the asker."""
    indices = [] if ranking.is_fallback else ranking.items
    contributions = served.recommender.explain(basis, indices)
    for place, item in enumerate(items):
        parts = [] if ranking.is_fallback else contributions[place]
        item["because"] = reasons(served, parts, item["score"])
