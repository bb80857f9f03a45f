"""From a request to its answer: ids to indices, a ranking, and back to ids with titles."""

from collections.abc import Iterable

from modelsystem_scorer.messages import (
    RecommendationRequest,
    Recommendations,
    ScoredItem,
    SimilarItems,
)
from modelsystem_scorer.recommend import Ranking
from modelsystem_scorer.serving import Served
from modelsystem_shared.model import Strings


def recommendations(served: Served, asked: RecommendationRequest) -> Recommendations:
    """Answer from the user's history and the given items, each item counted once."""
    given, unknown = _lookup(served.model.items, asked.items or ())
    unwanted, unknown_too = _lookup(served.model.items, asked.exclude_items)
    basis = _history(served, asked.user_id) | given
    excluded = unwanted | basis if asked.exclude_seen else unwanted
    # Sorted: floats add up the same whatever the order in which the items were given.
    ranking = served.recommender.recommend(sorted(basis), asked.k, sorted(excluded))
    return Recommendations(
        items=_scored(served, ranking),
        fallback="popular" if ranking.is_fallback else None,
        unknown_items=list(dict.fromkeys([*unknown, *unknown_too])),
        model=served.info,
    )


def similar(served: Served, item_id: str, k: int) -> SimilarItems | None:
    """Answer with the item's neighbours, or None when the model does not know the item."""
    item = served.model.items.find(item_id)
    if item is None:
        return None
    return SimilarItems(
        item_id=item_id,
        title=_title(served, item),
        items=_scored(served, served.recommender.similar(item, k)),
        model=served.info,
    )


def _history(served: Served, user_id: str | None) -> set[int]:
    user = None if user_id is None else served.model.users.find(user_id)
    return set() if user is None else set(served.model.history[user].tolist())


def _lookup(known: Strings, ids: Iterable[str]) -> tuple[set[int], list[str]]:
    """Return the indices of the known ids, and the ids that are not known."""
    found = {value: known.find(value) for value in ids}
    indices = {index for index in found.values() if index is not None}
    return indices, [value for value, index in found.items() if index is None]


def _scored(served: Served, ranking: Ranking) -> list[ScoredItem]:
    pairs = zip(ranking.items.tolist(), ranking.scores.tolist(), strict=True)
    return [
        ScoredItem(item_id=served.model.items[i], title=_title(served, i), score=score)
        for i, score in pairs
    ]


def _title(served: Served, item: int) -> str | None:
    return served.model.titles[item] or None
