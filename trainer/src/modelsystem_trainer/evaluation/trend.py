"""Trending items: what users without a known history get.

With t_ui how many days before the last interaction of all user u chose item i,

    trend_i = Σ_u 2^(-t_ui / H)  /  Σ_u max_i 2^(-t_ui / H)

is the share of users who chose i, where late choices count most; for H = 0 time does not count.
H is chosen on the latest twentieth of all interactions, by time: what was trending before them is
recommended to the users in them.
"""

import numpy as np
import pandas as pd
from scipy import sparse

from modelsystem_shared.numeric.arrays import Float32s, Indices
from modelsystem_trainer.evaluation import ranking

HALF_LIVES = (0.0, 730.0, 180.0, 60.0, 20.0, 7.0, 2.0)  # days
_LATEST_SHARE = 0.05
_MOST_USERS = 4_000
_DAY = 86_400.0
Tried = dict[float, float]


def try_half_lives(table: pd.DataFrame, n_items: int) -> Tried:
    """Return NDCG@20 on the latest interactions by half-life; only H = 0 if times are missing.

    table: user, item and time, sorted by user.
    """
    time = table["time"].to_numpy()
    if not len(time) or np.isnan(time).any() or time.min() == time.max():
        return {0.0: 0.0}
    is_late = time > np.quantile(time, 1 - _LATEST_SHARE)
    late_users = np.unique(table["user"].to_numpy()[is_late])
    users = late_users[:: 1 + len(late_users) // _MOST_USERS]
    truth = _of_users(table[is_late], users, n_items)
    table = table[~is_late]  # in place of all rows: they may be most of the memory
    seen, places = _of_users(table, users, n_items), np.arange(len(users))

    def ndcg(half_life: float) -> float:
        popular = ranking.by_popularity(seen, shares(table, n_items, half_life))
        return ranking.evaluate(popular, truth, places).ndcg

    return {half_life: ndcg(half_life) for half_life in HALF_LIVES}


def best(tried: Tried) -> float:
    """Return the half-life of the highest NDCG; of equal ones the first."""
    return max(tried, key=lambda half_life: tried[half_life])


def shares(table: pd.DataFrame, n_items: int, half_life: float) -> Float32s:
    """Return trend_i of each item."""
    weights = np.ones(len(table))
    if half_life:
        time = table["time"].to_numpy()
        np.subtract(time, time.max(initial=-np.inf), out=weights)
        weights /= _DAY * half_life
        np.power(2.0, weights, out=weights)
    of_items = np.bincount(table["item"], weights, n_items)
    starts = np.flatnonzero(np.diff(table["user"], prepend=np.int32(-1)))
    of_users = np.maximum.reduceat(weights, starts).sum() if len(weights) else 1.0
    return (of_items / of_users).astype(np.float32)


def _of_users(table: pd.DataFrame, users: Indices, n_items: int) -> sparse.csr_array:
    """Return the items of some users, users × items, as a matrix of ones."""
    rows = table[np.isin(table["user"], users)]
    pairs = (np.searchsorted(users, rows["user"]), rows["item"].to_numpy())
    return sparse.csr_array((np.ones(len(rows), np.float32), pairs), shape=(len(users), n_items))
