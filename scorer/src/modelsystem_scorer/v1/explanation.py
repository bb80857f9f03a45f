"""Why an item is recommended: the strongest contributions, and shares that add up to the score."""

from collections.abc import Sequence
from operator import attrgetter

from modelsystem_scorer.api.messages import MOST_REASONS, Reason
from modelsystem_scorer.engine.recommender import Contribution
from modelsystem_scorer.engine.served import Served


def reasons(served: Served, parts: Sequence[Contribution], score: float) -> list[Reason]:
    """Name the strongest contributions; where some are left over, a last one sums them up."""
    strongest = sorted(parts, key=attrgetter("share"), reverse=True)[:MOST_REASONS]
    told = [_reason(served, part) for part in strongest]
    if len(parts) > MOST_REASONS:
        rest = score - sum(part.share for part in strongest)
        told.append({"item_id": None, "title": None, "share": rest})
    return told


def _reason(served: Served, part: Contribution) -> Reason:
    item, share = part
    return {"item_id": served.model.items[item], "title": served.title(item), "share": share}
