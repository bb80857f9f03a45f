"""The profile of a build's data, as the manifest has it: what was read, left out, and judged.

It depends on the data, the settings and the champion only. `FIGURES` are its numbers by the names
that rules use; a profile lacks those that its data does not have.
"""

from modelsystem_shared.profile.figures import FIGURES, Figure, rows_of_figures, text_of
from modelsystem_shared.profile.text import broken, champion_figures, lines, summary
from modelsystem_shared.profile.types import (
    Band,
    ChampionProfile,
    Days,
    FileProfile,
    LeftOut,
    Outcome,
    Profile,
)

__all__ = [
    "FIGURES",
    "Band",
    "ChampionProfile",
    "Days",
    "Figure",
    "FileProfile",
    "LeftOut",
    "Outcome",
    "Profile",
    "broken",
    "champion_figures",
    "lines",
    "rows_of_figures",
    "summary",
    "text_of",
]
