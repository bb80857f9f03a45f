"""The whole profile of the data, with its verdict."""

import numpy as np

from modelsystem_shared.profile import Profile
from modelsystem_trainer.evaluation import Champion
from modelsystem_trainer.ingest import Interactions
from modelsystem_trainer.profile import comparison, figures, parts, verdict
from modelsystem_trainer.rules import Rules


def profiled(data: Interactions, champion: Champion | None, rules: Rules) -> Profile:
    """Return what was read and left out, how it differs from the champion's, and the verdict."""
    times = data.table["time"].to_numpy()
    bounds = (None, None) if np.isnan(times).all() else (float(times.min()), float(times.max()))
    profile: Profile = {
        "files": parts.files(data),
        "left_out": parts.left_out(data.export),
        "figures": figures.figures(data),
        "examples": figures.examples(data),
        "first": parts.time_text(bounds[0]),
        "last": parts.time_text(bounds[1]),
        "days": parts.days(data),
        "users_of_items": parts.users_of_items(data),
        "verdict": [],
    }
    theirs: dict[str, float] = {}
    if champion:
        profile["champion"] = comparison.champion_profile(champion, data)
        profile["figures"] |= comparison.figures_of_change(profile["champion"], champion, data)
        theirs = profile["champion"]["figures"]
    profile["verdict"] = verdict.judged(
        rules.rules, profile["figures"], theirs, profile["examples"]
    )
    return profile
