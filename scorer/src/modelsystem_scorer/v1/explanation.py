"""Explanations: the strongest contributions to a score, as shares that add up to it."""

from collections.abc import Sequence
from operator import attrgetter

from modelsystem_scorer.engine import Contribution, ServedModel
from modelsystem_scorer.v1.messages import MAX_REASONS, Reason


def reasons(
    served: ServedModel, contributions: Sequence[Contribution], score: float
) -> list[Reason]:
    """Return the strongest contributions, and if there are more, the sum of the rest."""
    strongest = sorted(contributions, key=attrgetter("share"), reverse=True)[:MAX_REASONS]
    listed = [_reason(served, contribution) for contribution in strongest]
    if len(contributions) > MAX_REASONS:
        rest = score - sum(contribution.share for contribution in strongest)
        listed.append({"item_id": None, "title": None, "share": rest})
    return listed


def _reason(served: ServedModel, contribution: Contribution) -> Reason:
    item, share = contribution
    return {"item_id": served.model.items[item], "title": served.title(item), "share": share}
