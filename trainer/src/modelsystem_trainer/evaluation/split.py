"""The interactions split: for search, for measurement, for the model, for the gate.

A part is a mask over the rows of one table; a table of a part is made when it is needed.
"""

from collections.abc import Set
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from modelsystem_shared.numeric.arrays import Float32s, Indices, Mask
from modelsystem_trainer.evaluation import holdout
from modelsystem_trainer.fit import Parameters, confidence
from modelsystem_trainer.ingest import Interactions

SEARCH_USERS = 4_000
FEW_USERS = 4_000  # with held-out rows, below which all of them are both searched and measured on
SEARCHED_AT_MOST = 5_000_000  # interactions: more do not change which parameters are best


class Split:
    """Interactions, split into training, validation and test, and the gate users apart.

    table: that of `data`, with the column `later` of `holdout`.
    gate: rows of gate users; none of them are in the other parts.
    test, validation: held-out rows: each user's latest.
    train: rows that are not test, those of validation among them.
    has_few_users: whether fewer than `FEW_USERS` have held-out rows.

    Some users are asked by the search, all others by the test: a search whose fit and histories
    lack two fifths of the rows prefers parameters for sparser data than the model's. Few users are
    asked by both: then validation is the latest of what is not test.
    """

    def __init__(self, data: Interactions) -> None:
        """Hold out gate users, test and validation."""
        self.data = data
        self.n_users, self.n_items = len(data.users), len(data.items)
        user_hashes, item_hashes = (holdout.hashes(ids, "pair") for ids in (data.users, data.items))
        pairs = holdout.pair_hashes(data.table, user_hashes, item_hashes)
        self.table = data.table.assign(later=holdout.later(data.table, pairs))
        user, later = self.table["user"].to_numpy(), self.table["later"].to_numpy()
        self._counts = np.bincount(user, minlength=self.n_users)
        n_test = holdout.held_out(self._counts)
        self._n_validation = n_validation = holdout.held_out(self._counts - n_test)
        self._is_test: Mask = later < n_test[user]
        self.gate: Mask = holdout.gate_users(data.users)[user]
        self.test = self._is_test & ~self.gate
        test_users = np.flatnonzero(self.user_counts(self.test))
        self.has_few_users = len(test_users) < FEW_USERS
        if self.has_few_users:
            self.validation = (later < (n_test + n_validation)[user]) & ~self._is_test & ~self.gate
        else:
            self._n_validation = n_test
            most = min(SEARCH_USERS, len(test_users) // 2)
            is_searched = np.isin(user, self.sample(self.test, "validation", most))
            self.validation = self.test & is_searched
            self.test = self.test & ~is_searched

    @property
    def train(self) -> Mask:
        """Rows that the measured model is fitted on."""
        mask: Mask = ~self.gate & ~self.test
        return mask

    @cached_property
    def searched(self) -> Mask:
        """Rows of the share of the users whom the search fits."""
        if self.search_share == 1:
            return np.ones(len(self.table), bool)
        keys = holdout.hashes(self.data.users, "search")
        is_searched: Mask = keys < np.uint64(self.search_share * 2**64)
        return is_searched[self.table["user"]]

    @property
    def search_share(self) -> float:
        """The share of users whose rows the search fits."""
        return min(1.0, SEARCHED_AT_MOST / max(len(self.table), 1))

    @cached_property
    def has_times(self) -> bool:
        """Whether any row has a time; if not, a hash decides which rows are held out."""
        return not bool(np.isnan(self.table["time"].to_numpy()).all())

    def drawn_validation(self, seed: str) -> Mask:
        """Return as many held-out rows of each user as `validation` has, drawn by another hash."""
        is_candidate = self.train
        rows = self.table[is_candidate]
        hashes = (holdout.hashes(ids, seed) for ids in (self.data.users, self.data.items))
        later = holdout.later(rows, holdout.pair_hashes(rows, *hashes))
        drawn = np.zeros(len(self.table), bool)
        drawn[is_candidate] = later < self._n_validation[rows["user"]]
        return drawn

    @cached_property
    def idle_parameters(self) -> Set[str]:
        """Names of parameters without effect: the data lacks times, or all weights are equal."""
        weight = self.table["weight"].to_numpy()
        idle: set[str] = set()
        if not self.has_times:
            idle |= {"fade", "half_life"}
        if weight.min() == weight.max():
            idle |= {"fit_power", "history_power"}
        return idle

    def user_counts(self, mask: Mask) -> Indices:
        """Return for each user the number of rows in a part, int64."""
        return np.bincount(self.table["user"].to_numpy()[mask], minlength=self.n_users)

    def item_counts(self, mask: Mask) -> Indices:
        """Return for each item the number of rows in a part, int64."""
        return np.bincount(self.table["item"].to_numpy()[mask], minlength=self.n_items)

    def columns(self, mask: Mask, *names: str) -> pd.DataFrame:
        """Return columns of the rows of a part; each is an array of its own, and no other is made.

        Of many rows a table is most of the memory.
        """
        arrays = {name: self.table[name].to_numpy()[mask] for name in names}
        return pd.DataFrame(arrays, copy=False)

    def rows(self, mask: Mask) -> pd.DataFrame:
        """Return the rows of a part, which lacks each user's latest rows or none of them."""
        part = self.columns(mask, *self.table.columns)
        missing = (self._counts - self.user_counts(mask)).astype(np.int32)
        part["later"] -= missing[part["user"]]
        return part

    def fit_matrix(self, mask: Mask, parameters: Parameters) -> sparse.csr_array:
        """Return the matrix that a fit on a part takes, users × items."""
        rows = self.columns(mask, "user", "item", "weight")
        return matrix(rows, self.n_users, self.n_items, confidence.in_fit(rows, parameters))

    def sample(self, held_out: Mask, seed: str, most: int) -> Indices:
        """Return users with held-out rows: all, or the `most` with the smallest hashes."""
        users = np.flatnonzero(self.user_counts(held_out))
        if len(users) <= most:
            return users
        keys = holdout.hashes([self.data.users[int(user)] for user in users], seed)
        return np.sort(users[np.argsort(keys, kind="stable")[:most]])

    def questions(self) -> tuple[sparse.csr_array, sparse.csr_array]:
        """Return earlier and held-out items of the gate users who have both, gate users × items.

        The columns of the first are in the order of time, the latest last.
        """
        users = np.unique(self.table["user"].to_numpy()[self.gate & self._is_test])
        earlier = self.rows(self.gate & ~self._is_test)
        earlier = earlier.iloc[np.lexsort((-earlier["later"], earlier["user"]))]
        held_out = self.table[self.gate & self._is_test]
        questions, answers = (
            matrix(rows, self.n_users, self.n_items)[users] for rows in (earlier, held_out)
        )
        return questions, answers


def matrix(
    table: pd.DataFrame, users: int, items: int, values: Float32s | None = None
) -> sparse.csr_array:
    """Return a table sorted by user as a matrix of values, or of ones; columns keep their order."""
    if values is None:
        values = np.ones(len(table), np.float32)
    ends = np.cumsum(np.bincount(table["user"], minlength=users))
    pointers = np.concatenate([[0], ends])
    return sparse.csr_array((values, table["item"].to_numpy(), pointers), shape=(users, items))


@dataclass(frozen=True)
class EvaluationSet:
    """Some users, one after the other: their earlier items and their held-out items.

    rows: as `Split.rows`, but `user` is a place among these users.
    truth: users × items.
    """

    rows: pd.DataFrame
    truth: sparse.csr_array

    @classmethod
    def of(
        cls, split: Split, rows: pd.DataFrame, held_out: Mask, users: Indices
    ) -> "EvaluationSet":
        """Take `users`, their earlier `rows` and their rows of the part `held_out`."""
        place = np.full(split.n_users, -1, np.int32)
        place[users] = np.arange(len(users), dtype=np.int32)

        def of_users(table: pd.DataFrame) -> pd.DataFrame:
            places = place[table["user"]]
            return table.assign(user=places)[places >= 0].reset_index(drop=True)

        truth = matrix(of_users(split.table[held_out]), len(users), split.n_items)
        return cls(of_users(rows), truth)

    @property
    def users(self) -> Indices:
        """The places of all users."""
        return np.arange(self.truth.shape[0])

    def history(self, p: Parameters) -> sparse.csr_array:
        """Return how much each user's earlier items count, users × items."""
        return matrix(self.rows, *self.truth.shape, confidence.in_history(self.rows, p))
