"""The compiled loop of a ranking: sums of rows, of which the best few are kept.

numba compiles it on first use, once for each machine if the folder of this file is writable.
"""

from collections.abc import Callable
from typing import TypeVar

import numba
import numpy as np

from modelsystem_shared.numeric.arrays import Float32s, Indices

F = TypeVar("F", bound=Callable[..., None])


def _compiled(function: F) -> F:
    try:
        cached: F = numba.njit(function, nogil=True, cache=True)
    except RuntimeError:  # no folder is writable, as in a read-only container
        uncached: F = numba.njit(function, nogil=True)
        return uncached
    return cached


@_compiled
def _insert(item: int, score: float, items: Indices, scores: Float32s) -> None:
    """Insert an item into a list by falling score, equal scores by place; the last one drops."""
    place = len(items) - 1
    while place and (
        scores[place - 1] < score or (scores[place - 1] == score and items[place - 1] > item)
    ):
        items[place], scores[place] = items[place - 1], scores[place - 1]
        place -= 1
    items[place], scores[place] = item, score


@_compiled
def rank(  # noqa: PLR0913, PLR0917  # compiled code takes arrays, not objects
    users: Indices,
    ends: Indices,
    history: Indices,
    confidence: Float32s,
    rows: Indices,
    columns: Indices,
    values: Float32s,
    shown: Indices,
) -> None:
    """Write into `shown`, users × k, each user's best items: positive scores, unseen items.

    ends, history, confidence: CSR, users × items; rows, columns, values: CSR, items × items.
    """
    n_items, k = len(rows) - 1, shown.shape[1]
    sums = np.zeros(n_items, np.float32)
    is_seen = np.zeros(n_items, np.bool_)
    touched = np.empty(n_items, np.int32)
    is_touched = np.zeros(n_items, np.bool_)
    best, scores = np.empty(k, np.int32), np.empty(k, np.float32)
    for row in range(len(users)):
        first, last = ends[users[row]], ends[users[row] + 1]
        count = 0
        for place in range(first, last):
            item, weight = history[place], confidence[place]
            is_seen[item] = True
            for entry in range(rows[item], rows[item + 1]):
                column = columns[entry]
                sums[column] += weight * values[entry]
                if not is_touched[column]:
                    is_touched[column] = True
                    touched[count] = column
                    count += 1
        best[:], scores[:] = n_items, 0  # what is not positive is not shown
        for place in range(count):
            column = touched[place]
            score = sums[column]
            sums[column], is_touched[column] = 0, False
            if score > 0 and not is_seen[column]:
                least = scores[k - 1]
                if score > least or (score == least and column < best[k - 1]):
                    _insert(column, score, best, scores)
        for place in range(k):
            shown[row, place] = best[place] if scores[place] > 0 else -1
        for place in range(first, last):
            is_seen[history[place]] = False


@_compiled
def rank_dense(  # noqa: PLR0913, PLR0917  # as above
    users: Indices,
    ends: Indices,
    history: Indices,
    confidence: Float32s,
    similarity: Float32s,
    shown: Indices,
) -> None:
    """Do as `rank` with a similarity of items × items that has an entry nearly everywhere."""
    n_items, k = len(similarity), shown.shape[1]
    sums = np.empty(n_items, np.float32)
    best, scores = np.empty(k, np.int32), np.empty(k, np.float32)
    for row in range(len(users)):
        sums[:] = 0
        for place in range(ends[users[row]], ends[users[row] + 1]):
            weight, added = confidence[place], similarity[history[place]]
            for column in range(n_items):
                sums[column] += weight * added[column]
        for place in range(ends[users[row]], ends[users[row] + 1]):
            sums[history[place]] = 0
        best[:], scores[:] = n_items, 0
        for column in range(n_items):
            if sums[column] > scores[k - 1]:
                _insert(column, sums[column], best, scores)
        for place in range(k):
            shown[row, place] = best[place] if scores[place] > 0 else -1
