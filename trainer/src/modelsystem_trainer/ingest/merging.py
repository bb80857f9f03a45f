"""Rows of numbers to one sorted table, in which each pair of user and item is there once."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from modelsystem_trainer.ingest.cells import Floats
from modelsystem_trainer.ingest.ids import Numbers

Order = npt.NDArray[np.signedinteger]


def merged(
    user: Numbers, item: Numbers, weight: Floats | None, time: Floats | None, *, is_rating: bool
) -> pd.DataFrame:
    """Merge rows of the same user and item, whatever their order is.

    weight, time: None where the data has none; a row then has weight 1, and NaN as its time.
    Returns the table of `interactions.Interactions`: of a pair its latest time and, of ratings,
    the latest weight, the largest where times are equal; else the sum of its weights.
    """
    order = _by_pair(user, item)
    user = np.repeat(np.arange(user.max() + 1, dtype=np.int32), np.bincount(user))  # user[order]
    item = item[order]
    is_again = (user[1:] == user[:-1]) & (item[1:] == item[:-1])
    first, last = np.append(True, ~is_again), np.append(~is_again, True)
    _sort_within(order, ~(first & last), [user, item], [c for c in (time, weight) if c is not None])
    if weight is None:
        starts = np.flatnonzero(first)
        merged_weight = np.diff(starts, append=len(order)).astype(np.float64)
    elif is_rating:
        merged_weight = weight[order[last]]
    else:
        merged_weight = np.add.reduceat(weight[order], np.flatnonzero(first))
    columns = {
        "user": user[last],
        "item": item[last],
        "weight": merged_weight,
        "time": np.full(len(merged_weight), np.nan) if time is None else time[order[last]],
    }
    return pd.DataFrame(columns, copy=False)


def _by_pair(user: Numbers, item: Numbers) -> Order:
    """Return the order that sorts rows by user and item, stable."""
    order = _order(item)
    return order[_order(user[order])]


def _order(numbers: Numbers) -> Order:
    """Return the stable order of small numbers, in linear time: CSR to CSC is a counting sort."""
    rows = len(numbers)
    ends = np.arange(rows + 1, dtype=np.int32 if rows < np.iinfo(np.int32).max else np.int64)
    shape = (rows, int(numbers.max(initial=0)) + 1)
    table: sparse.csr_array = sparse.csr_array((np.zeros(rows, np.int8), numbers, ends), shape)
    order: Order = table.tocsc().indices
    return order


def _sort_within(
    order: Order, several: npt.NDArray[np.bool_], pair: list[Numbers], by: list[Floats]
) -> None:
    """Sort, in place, the rows of pairs that have several by further columns, the last one last.

    pair: user and item in that order; by: columns in the rows' own order.
    """
    places = np.flatnonzero(several)
    rows = order[places]
    keys = [column[places] for column in pair] + [column[rows] for column in by]
    order[places] = rows[np.lexsort(keys[::-1])]
