"""How much one interaction counts: in the fit, and in its user's history.

With v_ui the rating or weight relative to the mean of all (1 if the data has none),

    in the fit       x_ui = v_ui^fit_power, relative to its mean
    in the history   h_ui = v_ui^history_power · (1 + n_ui)^-fade · 2^-(t_ui / half_life)

where n_ui is the number of the user's later interactions, and t_ui how many days this one is before
the user's last one. A user's score of an item j is Σ_i h_ui S_ij.
"""

import numpy as np
import pandas as pd

from modelsystem_shared.numeric.arrays import Float32s, Float64s
from modelsystem_trainer.fit.parameters import Parameters

MOST_LISTED = 1_000  # items of a request
_DAY = 86_400.0


def in_fit(table: pd.DataFrame, p: Parameters) -> Float32s:
    """Return x of each row."""
    if not p.fit_power:
        return np.ones(len(table), np.float32)
    return _relative(_powered(table, p.fit_power)).astype(np.float32)


def in_history(table: pd.DataFrame, p: Parameters) -> Float32s:
    """Return h of each row.

    table: sorted by user, with the column `later`; it holds all of a user's history or none.
    """
    h = _powered(table, p.history_power) * (1.0 + table["later"].to_numpy()) ** -p.fade
    if p.half_life:
        age = np.nan_to_num(_last_times(table) - table["time"].to_numpy())
        h *= 2.0 ** (-age / (_DAY * p.half_life))
    return h.astype(np.float32)


def of_listed(p: Parameters) -> Float32s:
    """Return how much the last item of a list counts, the one before it, and so on.

    This is `in_history` if only an item's place in the list is known.
    """
    return ((1.0 + np.arange(MOST_LISTED)) ** -p.fade).astype(np.float32)


def _powered(table: pd.DataFrame, power: float) -> Float64s:
    if not power:
        return np.ones(len(table))
    powered: Float64s = _relative(table["weight"].to_numpy()) ** power
    return powered


def _relative(values: Float64s) -> Float64s:
    """Divide values by their mean, unless that is 0."""
    total = values.sum()
    return values * (len(values) / total) if total else values


def _last_times(table: pd.DataFrame) -> Float64s:
    """Return for each row the time of its user's last interaction."""
    is_last = table["later"].to_numpy() == 0
    times: Float64s = table["time"].to_numpy()[is_last]
    return np.repeat(times, np.diff(np.flatnonzero(np.diff(table["user"], prepend=-1, append=-1))))
