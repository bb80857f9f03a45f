"""The interactions of a fit in a folder, both ways, as mapped arrays that all workers share.

Items are numbered by falling popularity, equally popular ones as in the matrix: most candidates are
popular items, whose rows of G below the diagonal are then short.

    ends, users, values           for each item its users, ascending, and x
    user_ends, items              for each user the items, ascending
    weighted, keyed               for the latter x with weights: those of G, those of candidates
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from modelsystem_shared.numeric.arrays import Array, Float32s, Float64s, Indices
from modelsystem_trainer.engines import parts
from modelsystem_trainer.fit.weighing import degrees


@dataclass(frozen=True)
class Stored:
    """The interactions of a fit: the arrays stay in the folder, but for x of the users' rows.

    order: the item of each number.
    below, visits: for each item how many entries of X make its row of G below the diagonal, and
        the whole row (int64).
    """

    folder: Path
    order: Indices
    values: Float32s
    below: Indices
    visits: Indices

    @classmethod
    def of(cls, x: sparse.csr_array, folder: Path) -> "Stored":
        """Write the users × items matrix `x` into the folder."""
        from modelsystem_trainer.fit import kernels  # noqa: PLC0415  # numba is slow to import

        d = degrees(x)
        order = np.argsort(-d, kind="stable")
        number = np.empty(len(order), np.int32)
        number[order] = np.arange(len(order), dtype=np.int32)
        user_ends = x.indptr.astype(np.int64)
        ends = np.concatenate([[0], np.cumsum(d[order], dtype=np.int64)])
        by_item = ends, np.empty(x.nnz, np.int32), np.empty(x.nnz, np.float32)
        kernels.transpose((user_ends, number[x.indices], x.data), by_item)
        by_user = user_ends, np.empty(x.nnz, np.int32), np.empty(x.nnz, np.float32)
        kernels.transpose(by_item, by_user)
        items, user_values = by_user[1:]
        below, visits = np.zeros(len(order), np.int64), np.zeros(len(order), np.int64)
        kernels.count_visits(user_ends, items, below, visits)
        stored = cls(folder, order, user_values, below, visits)
        stored.save(ends=ends, users=by_item[1], values=by_item[2])
        stored.save(user_ends=user_ends, items=items)
        stored.save(below=below)
        return stored

    def save(self, **arrays: Array) -> None:
        """Write arrays into the folder."""
        save(self.folder, **arrays)

    def weigh(self, name: str, of_users: Float64s, of_items: Float64s) -> Float32s:
        """Write x with weights for each user's items, and return it."""
        from modelsystem_trainer.fit import kernels  # noqa: PLC0415  # numba is slow to import

        weighted = np.empty(len(self.values), np.float32)
        user_ends, items = load(self.folder, "user_ends", "items")
        kernels.weigh((user_ends, items, self.values), of_users, of_items, weighted)
        self.save(**{name: weighted})
        return weighted


def save(folder: Path, **arrays: Array) -> None:
    """Write arrays under their names."""
    for name, array in arrays.items():
        parts.save(folder / f"{name}.npy", array)


def load(folder: Path, *names: str) -> list[Array]:
    """Map arrays by their names."""
    return [parts.mapped(folder / f"{name}.npy") for name in names]


def both_ways(folder: Path, weighted: str) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Map the interactions both ways, as `kernels` take them."""
    ends, users, values = load(folder, "ends", "users", "values")
    user_ends, items, weights = load(folder, "user_ends", "items", weighted)
    return ends, users, values, user_ends, items, weights
