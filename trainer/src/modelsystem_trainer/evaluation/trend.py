"""What is popular lately: shown to somebody of whom nothing is known.

With t_ui how many days before the last interaction of all user u chose item i,

    lately_i = Σ_u 2^(-t_ui / H)  /  Σ_u max_i 2^(-t_ui / H)

is the share of users who chose i, where late ones count most; for H = 0 time does not count.
H is chosen on the latest twentieth of all interactions, by time: the popular items of before
that are shown to those who chose something in it.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from modelsystem_trainer.evaluation import ranking

HALF_LIVES = (0.0, 730.0, 180.0, 60.0, 20.0, 7.0, 2.0)  # days
_LATEST_SHARE = 0.05
_MOST_USERS = 4_000
_DAY = 86_400.0
Tried = dict[float, float]


def try_half_lives(table: pd.DataFrame, n_items: int) -> Tried:
    """Return NDCG@20 on the latest interactions by half-life; only H = 0 where times are missing.

    table: sorted by user, as `Interactions.table`.
    """
    time = table["time"].to_numpy()
    if not len(time) or np.isnan(time).any() or time.min() == time.max():
        return {0.0: 0.0}
    late = time > np.quantile(time, 1 - _LATEST_SHARE)
    users = np.unique(table["user"].to_numpy()[late])
    asked = users[:: 1 + len(users) // _MOST_USERS]
    truth, seen = (_of_users(table[rows], asked, n_items) for rows in (late, ~late))
    places = np.arange(len(asked))
    return {
        half_life: ranking.evaluate(
            ranking.by_popularity(seen, shares(table[~late], n_items, half_life)), truth, places
        ).ndcg
        for half_life in HALF_LIVES
    }


def best(tried: Tried) -> float:
    """Return the first of the best."""
    return max(tried, key=lambda half_life: tried[half_life])


def shares(table: pd.DataFrame, n_items: int, half_life: float) -> npt.NDArray[np.float32]:
    """Return lately_i for each item, float32."""
    say = np.ones(len(table))
    if half_life:
        time = table["time"].to_numpy()
        say = 2.0 ** ((time - time.max(initial=-np.inf)) / (_DAY * half_life))
    of_items = np.bincount(table["item"], say, n_items)
    starts = np.flatnonzero(np.diff(table["user"], prepend=-1))
    of_users = np.maximum.reduceat(say, starts).sum() if len(say) else 1.0
    return (of_items / of_users).astype(np.float32)


def _of_users(table: pd.DataFrame, users: npt.NDArray[np.int32], n_items: int) -> sparse.csr_array:
    """Return the items of some users, a row for each of them, as a matrix of ones."""
    own = table[np.isin(table["user"], users)]
    pairs = (np.searchsorted(users, own["user"]), own["item"].to_numpy())
    return sparse.csr_array((np.ones(len(own), np.float32), pairs), shape=(len(users), n_items))
