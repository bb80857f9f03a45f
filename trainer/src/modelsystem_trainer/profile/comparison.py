"""Tonight's data beside the champion's: its figures, and which users and items are new or gone."""

from collections.abc import Sequence
from datetime import date

from modelsystem_shared.manifest import Data
from modelsystem_shared.numeric.model import Strings
from modelsystem_shared.profile import ChampionProfile
from modelsystem_trainer.evaluation import Champion
from modelsystem_trainer.ingest import Interactions
from modelsystem_trainer.profile import parts


def champion_profile(champion: Champion, data: Interactions) -> ChampionProfile:
    """Return the champion's figures, and the numbers of what is new and gone."""
    new_items, gone_items = _changes(data.items, champion.model.items)
    part: ChampionProfile = {
        "build": champion.build,
        "figures": _figures(champion.data) if champion.data else {},
        "new_items": new_items,
        "gone_items": gone_items,
    }
    if len(champion.model.users):  # none: it is without histories
        part["new_users"], part["gone_users"] = _changes(data.users, champion.model.users)
    return part


def figures_of_change(
    part: ChampionProfile, champion: Champion, data: Interactions
) -> dict[str, float]:
    """Return the figures that need a champion."""
    changes: dict[str, float] = {
        "new_items": round(part["new_items"] / len(data.items), 6),
        "gone_items": round(part["gone_items"] / max(len(champion.model.items), 1), 6),
    }
    if "new_users" in part and "gone_users" in part:
        changes["new_users"] = round(part["new_users"] / len(data.users), 6)
        changes["gone_users"] = round(part["gone_users"] / len(champion.model.users), 6)
    last = (
        champion.data["profile"]["last"] if champion.data and "profile" in champion.data else None
    )
    if last and data.span:
        theirs = (date.fromisoformat(last[:10]) - parts.EPOCH).days
        changes["days_gained"] = data.span.last_day - theirs
    return changes


def _figures(data: Data) -> dict[str, float]:
    """Return the champion's figures; an older manifest has a few counts only."""
    if "profile" in data:
        return data["profile"]["figures"]
    return {
        "rows": data["rows"],
        "rows_rejected": data["rows_rejected"],
        "rows_of_other_tenants": data["rows_of_other_tenants"],
        "users": data["users"],
        "items": data["items"],
        "interactions": data["interactions"],
        "files": len(data["files"]),
    }


def _changes(ours: Sequence[str], theirs: Strings) -> tuple[int, int]:
    """Return how many ids only we have, and how many only they have."""
    known = set(ours)
    common = sum(value in known for value in theirs.pick(range(len(theirs))))
    return len(ours) - common, len(theirs) - common
