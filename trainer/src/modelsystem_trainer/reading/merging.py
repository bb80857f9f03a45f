"""From rows of numbers to one sorted table with one row for each pair of user and item."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from modelsystem_shared.numeric.arrays import Float64s, Mask
from modelsystem_trainer.ingest import Numbers

Order = npt.NDArray[np.signedinteger]


def merged(
    user: Numbers, item: Numbers, weight: Float64s | None, time: Float64s | None, *, is_rating: bool
) -> pd.DataFrame:
    """Merge rows of the same user and item; their order does not matter.

    weight, time: None if the data has none; then a row has weight 1 and time NaN.
    Returns the table of `interactions.Interactions`: a pair has its latest time, and the sum of its
    weights; of ratings the latest, and of the latest the largest.
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
    order = order_of(item)
    return order[order_of(user[order])]


def order_of(numbers: Numbers) -> Order:
    """Return the stable order of small numbers, in linear time: CSR to CSC is a counting sort."""
    rows = len(numbers)
    ends = np.arange(rows + 1, dtype=np.int32 if rows < np.iinfo(np.int32).max else np.int64)
    shape = (rows, int(numbers.max(initial=0)) + 1)
    table: sparse.csr_array = sparse.csr_array((np.zeros(rows, np.int8), numbers, ends), shape)
    order: Order = table.tocsc().indices
    return order


def _sort_within(order: Order, is_repeated: Mask, pair: list[Numbers], by: list[Float64s]) -> None:
    """Sort, in place, the rows of repeated pairs by further columns.

    pair: user and item in that order; by: columns in the rows' own order.
    """
    places = np.flatnonzero(is_repeated)
    rows = order[places]
    keys = [column[places] for column in pair] + [column[rows] for column in by]
    order[places] = rows[np.lexsort(keys[::-1])]
