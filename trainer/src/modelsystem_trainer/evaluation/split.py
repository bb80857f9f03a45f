"""The interactions in parts: for search, for measuring, for the model, for the gate.

A part is a mask over the rows of one table; what is made of a part is made when it is needed.
"""

from collections.abc import Set
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from modelsystem_trainer.evaluation import holdout
from modelsystem_trainer.evaluation.holdout import Mask
from modelsystem_trainer.evaluation.ranking import Places
from modelsystem_trainer.fit import Parameters, confidence
from modelsystem_trainer.ingest.interactions import Interactions

SEARCHED_AT_MOST = 5_000_000  # interactions: more do not change what is best


class Parts:
    """Who and what is held out of some interactions.

    table: that of `data`, with the column `later` of `holdout`.
    gate: rows of gate users. test, validation: what is asked of the others; validation is the
    latest of what is not test. rest: rows of the others that are not test.
    """

    def __init__(self, data: Interactions) -> None:
        """Hold out."""
        self.data = data
        self.n_users, self.n_items = len(data.users), len(data.items)
        of_users, of_items = (holdout.hashes(ids, "pair") for ids in (data.users, data.items))
        pairs = holdout.pair_hashes(data.table, of_users, of_items)
        self.table = data.table.assign(later=holdout.later(data.table, pairs))
        user, later = self.table["user"].to_numpy(), self.table["later"].to_numpy()
        self._counts = np.bincount(user, minlength=self.n_users)
        tested = holdout.held_out(self._counts)
        validated = holdout.held_out(self._counts - tested)
        self._is_test: Mask = later < tested[user]
        self.gate: Mask = holdout.gate_users(data.users)[user]
        self.test = self._is_test & ~self.gate
        self.validation = (later < (tested + validated)[user]) & ~self._is_test & ~self.gate

    @property
    def rest(self) -> Mask:
        """Rows that may be learned from before the test."""
        return ~self.gate & ~self._is_test

    @property
    def searched(self) -> Mask:
        """Rows that the search fits: those before validation, of so many users as are enough."""
        before: Mask = self.rest & ~self.validation
        if self.searched_share == 1:
            return before
        keys = holdout.hashes(self.data.users, "search")
        enough: Mask = (keys < np.uint64(self.searched_share * 2**64))[self.table["user"]]
        return before & enough

    @property
    def searched_share(self) -> float:
        """The share of users whose rows the search fits."""
        return min(1.0, SEARCHED_AT_MOST / max(len(self.table), 1))

    @cached_property
    def says_nothing_of(self) -> Set[str]:
        """Names of the parameters that cannot matter: the data lacks times, or all weigh alike."""
        time, weight = self.table["time"].to_numpy(), self.table["weight"].to_numpy()
        idle: set[str] = set()
        if np.isnan(time).all():
            idle |= {"fade", "half_life"}
        if weight.min() == weight.max():
            idle |= {"fit_power", "history_power"}
        return idle

    def user_counts(self, mask: Mask) -> npt.NDArray[np.int64]:
        """Return how many rows of a part each user has."""
        return np.bincount(self.table["user"].to_numpy()[mask], minlength=self.n_users)

    def rows(self, mask: Mask) -> pd.DataFrame:
        """Return the rows of a part, which lacks each user's latest rows or none of them."""
        part = self.table[mask].reset_index(drop=True)
        missing = (self._counts - self.user_counts(mask)).astype(np.int32)
        part["later"] -= missing[part["user"]]
        return part

    def sample(self, held: Mask, seed: str, most: int) -> Places:
        """Choose users with something held out, at most `most`, those with the smallest hashes."""
        users = np.flatnonzero(self.user_counts(held))
        if len(users) <= most:
            return users
        keys = holdout.hashes([self.data.users[int(user)] for user in users], seed)
        return np.sort(users[np.argsort(keys, kind="stable")[:most]])

    def questions(self) -> tuple[sparse.csr_array, sparse.csr_array]:
        """Return for each gate user who can be asked the earlier items, latest last, and the rest.

        Both are gate users × items; the columns of the first are in the order of time.
        """
        asked = np.unique(self.table["user"].to_numpy()[self.gate & self._is_test])
        earlier = self.rows(self.gate & ~self._is_test)
        earlier = earlier.iloc[np.lexsort((-earlier["later"], earlier["user"]))]
        held = self.table[self.gate & self._is_test]
        first, second = (matrix(rows, self.n_users, self.n_items) for rows in (earlier, held))
        return first[asked], second[asked]


def matrix(
    table: pd.DataFrame,
    users: int,
    items: int,
    values: npt.NDArray[np.float32] | None = None,
) -> sparse.csr_array:
    """Return a table sorted by user as a matrix of values, or of ones; columns as they come."""
    if values is None:
        values = np.ones(len(table), np.float32)
    ends = np.cumsum(np.bincount(table["user"], minlength=users))
    pointers = np.concatenate([[0], ends])
    return sparse.csr_array((values, table["item"].to_numpy(), pointers), shape=(users, items))


@dataclass(frozen=True)
class Asked:
    """Some users, one after the other: what they had, and what was held out from them.

    rows: as `Parts.rows`, but `user` is a place among those who are asked.
    truth: users × items.
    """

    rows: pd.DataFrame
    truth: sparse.csr_array

    @classmethod
    def of(cls, parts: Parts, rows: pd.DataFrame, held: Mask, users: Places) -> "Asked":
        """Ask `users`, who have `rows`, for what the part `held` holds."""
        place = np.full(parts.n_users, -1, np.int32)
        place[users] = np.arange(len(users), dtype=np.int32)

        def own(table: pd.DataFrame) -> pd.DataFrame:
            places = place[table["user"]]
            return table.assign(user=places)[places >= 0].reset_index(drop=True)

        return cls(own(rows), matrix(own(parts.table[held]), len(users), parts.n_items))

    @property
    def places(self) -> Places:
        """All who are asked."""
        return np.arange(self.truth.shape[0])

    def history(self, p: Parameters) -> sparse.csr_array:
        """Return what each user's earlier items count, users × items."""
        return matrix(self.rows, *self.truth.shape, confidence.in_history(self.rows, p))
