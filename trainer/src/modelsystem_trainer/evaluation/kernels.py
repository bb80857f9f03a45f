"""The compiled loop of a ranking: sums of rows, of which the best few are kept."""

import numpy as np

from modelsystem_shared.numeric.arrays import Float32s, Indices
from modelsystem_trainer.compiling import compiled

_USERS = 64  # ranked at once
_COLUMNS = 512  # of a dense matrix, added up for these users
_WIDTH = 1_024  # sums that stay in the fastest cache


@compiled
def _insert(item: int, score: float, items: Indices, scores: Float32s) -> None:
    """Insert an item into a list by falling score, equal scores by place; the last one drops."""
    place = len(items) - 1
    while place and (
        scores[place - 1] < score or (scores[place - 1] == score and items[place - 1] > item)
    ):
        items[place], scores[place] = items[place - 1], scores[place - 1]
        place -= 1
    items[place], scores[place] = item, score


@compiled
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


@compiled
def _best(sums: Float32s, shown: Indices) -> None:
    """Write the items of the largest positive sums, best first."""
    k = len(shown)
    best, scores = np.empty(k, np.int32), np.zeros(k, np.float32)
    best[:] = len(sums)
    for column in range(len(sums)):
        if sums[column] > scores[k - 1]:
            _insert(column, sums[column], best, scores)
    for place in range(k):
        shown[place] = best[place] if scores[place] > 0 else -1


@compiled
def _add_factors(factors: Float32s, right: Float32s, sums: Float32s) -> None:
    """Add factors · right[:, j] to each sum."""
    for first in range(0, len(sums), _WIDTH):
        part = sums[first : first + _WIDTH]
        for c in range(len(factors)):
            factor, row = factors[c], right[c, first : first + _WIDTH]
            for j in range(part.shape[0]):
                part[j] += factor * row[j]


@compiled
def _add_rows(
    items: Indices, weights: Float32s, similarity: Float32s, left: int, sums: Float32s
) -> None:
    """Add weighted rows from column `left` on, four at a time: each sum is in order."""
    last = left + len(sums)
    for place in range(0, len(items) - 3, 4):
        w0, w1 = weights[place], weights[place + 1]
        w2, w3 = weights[place + 2], weights[place + 3]
        a0, a1 = similarity[items[place], left:last], similarity[items[place + 1], left:last]
        a2, a3 = similarity[items[place + 2], left:last], similarity[items[place + 3], left:last]
        for column in range(sums.shape[0]):
            total = sums[column] + w0 * a0[column] + w1 * a1[column]
            sums[column] = total + w2 * a2[column] + w3 * a3[column]
    for place in range(len(items) // 4 * 4, len(items)):
        weight, added = weights[place], similarity[items[place], left:last]
        for column in range(sums.shape[0]):
            sums[column] += weight * added[column]


@compiled
def rank_dense(  # noqa: PLR0913, PLR0917  # as above
    users: Indices,
    ends: Indices,
    history: Indices,
    confidence: Float32s,
    similarity: Float32s,
    factors: Float32s,
    right: Float32s,
    shown: Indices,
) -> None:
    """Do as `rank` with a similarity of items × items that has an entry nearly everywhere.

    factors, right: users × rank and rank × items, whose product is added to the scores.
    """
    n_items = len(similarity)
    block = np.empty((_USERS, n_items), np.float32)
    for start in range(0, len(users), _USERS):
        portion = users[start : start + _USERS]
        block[:] = 0
        for row in range(len(portion)):
            _add_factors(factors[portion[row]], right, block[row])
        for left in range(0, n_items, _COLUMNS):  # columns that stay in the cache for all users
            for row in range(len(portion)):
                part = slice(ends[portion[row]], ends[portion[row] + 1])
                sums = block[row, left : left + _COLUMNS]
                _add_rows(history[part], confidence[part], similarity, left, sums)
        for row in range(len(portion)):
            for place in range(ends[portion[row]], ends[portion[row] + 1]):
                block[row, history[place]] = 0
            _best(block[row], shown[start + row])


@compiled
def rank_with_factors(  # noqa: PLR0913, PLR0917  # as above
    users: Indices,
    ends: Indices,
    history: Indices,
    confidence: Float32s,
    rows: Indices,
    columns: Indices,
    values: Float32s,
    factors: Float32s,
    right: Float32s,
    head: Indices,
    shown: Indices,
) -> None:
    """Do as `rank`, and add factors · right to the scores of the items `head`.

    factors, right: users × rank and rank × those items.
    """
    sums, of_head = np.empty(len(rows) - 1, np.float32), np.empty(len(head), np.float32)
    for row in range(len(users)):
        first, last = ends[users[row]], ends[users[row] + 1]
        sums[:], of_head[:] = 0, 0
        _add_factors(factors[users[row]], right, of_head)
        for place in range(len(head)):
            sums[head[place]] = of_head[place]
        for place in range(first, last):
            for entry in range(rows[history[place]], rows[history[place] + 1]):
                sums[columns[entry]] += confidence[place] * values[entry]
        for place in range(first, last):
            sums[history[place]] = 0
        _best(sums, shown[row])
