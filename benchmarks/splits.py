"""The data sets as a train part and a test part, users × items."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

TEST_SHARE = 0.2
_SEED = 20_180_523


@dataclass(frozen=True)
class Split:
    """`train` and `test`: 1 where a user chose an item; `users`, `items`: ids of rows, columns.

    `validation`: a fifth of the train part, by which a method may choose its parameters.
    `export` is the train part as a table, for a program that reads CSV.
    """

    train: sparse.csr_matrix
    validation: sparse.csr_matrix
    test: sparse.csr_matrix
    users: npt.NDArray[np.str_]
    items: npt.NDArray[np.str_]
    export: pd.DataFrame

    def save(self, folder: Path) -> None:
        """Write what a method may see: everything but the test part."""
        sparse.save_npz(folder / "train.npz", self.train)
        sparse.save_npz(folder / "validation.npz", self.validation)
        np.save(folder / "users.npy", self.users)
        np.save(folder / "items.npy", self.items)
        (folder / "export").mkdir()
        self.export.to_csv(folder / "export" / "train.csv", index=False)


def published(folder: Path) -> Split:
    """Read a published split: `train.csv.gz` and `test.csv.gz`; validate on random pairs."""
    train, test = (pd.read_csv(folder / f"{part}.csv.gz", dtype=str) for part in ("train", "test"))
    is_held_out = np.random.default_rng(_SEED).random(len(train)) < TEST_SHARE
    return _split(train, test, train[is_held_out])


def by_time(folder: Path) -> Split:
    """Test on each user's latest 20 percent of `interactions.csv`, at least one; ties by item.

    Validate on the latest 20 percent of the others.
    """
    table = pd.read_csv(folder / "interactions.csv", dtype=str)
    seconds = table["timestamp"].astype(np.int64)
    table = table.iloc[np.lexsort((table["item_id"], seconds, table["user_id"]))]
    train, test = _by_time(table)
    return _split(train, test, _by_time(train)[1])


def _by_time(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a table that is sorted by user and time without each user's latest rows, and these."""
    users = table.groupby("user_id")
    held = np.maximum(1, (users["item_id"].transform("size") * TEST_SHARE).astype(int))
    late = users.cumcount(ascending=False) < held
    return table[~late], table[late]


def _split(train: pd.DataFrame, test: pd.DataFrame, validation: pd.DataFrame) -> Split:
    table = pd.concat([train, test])
    users, items = (np.unique(table[name].to_numpy(str)) for name in ("user_id", "item_id"))

    def matrix(table: pd.DataFrame) -> sparse.csr_matrix:
        row = np.searchsorted(users, table["user_id"].to_numpy(str)).astype(np.int32)
        column = np.searchsorted(items, table["item_id"].to_numpy(str)).astype(np.int32)
        ones = np.ones(len(table), np.float32)
        result = sparse.csr_matrix((ones, (row, column)), shape=(len(users), len(items)))
        result.data[:] = 1  # a repeated pair counts once
        return result

    return Split(matrix(train), matrix(validation), matrix(test), users, items, train)


READERS = {
    "gowalla": published,
    "food": published,
    "movielens-1m": published,
    "movielens-small": by_time,
}
