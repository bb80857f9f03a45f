"""The low-rank term: added to the rows of a matrix, of which the strongest entries stay.

Multiplications and additions may be fused.
"""

import numpy as np

from modelsystem_shared.numeric.arrays import Float32s, Indices
from modelsystem_trainer.compiling import fused


@fused
def _offer(item: int, value: float, items: Indices, values: Float32s) -> None:
    """Replace the weakest entry of a heap, its first one, if a value is stronger.

    The strongest is the largest |value|, of equal ones the smallest item.
    """
    key = abs(value)
    if key < abs(values[0]) or (key == abs(values[0]) and item >= items[0]):
        return
    place, child, count = 0, 1, len(items)
    while child < count:
        other = child + 1
        if other < count and (
            abs(values[other]) < abs(values[child])
            or (abs(values[other]) == abs(values[child]) and items[other] > items[child])
        ):
            child = other
        weakest = abs(values[child])
        if key < weakest or (key == weakest and item > items[child]):
            break
        items[place], values[place] = items[child], values[child]
        place, child = child, 2 * child + 1
    items[place], values[place] = item, value


@fused
def _products(left: Float32s, right: Float32s, sums: Float32s) -> None:
    """Write left · right[:, j] into `sums` for each j: each sum in the order of its terms."""
    width = 1_024  # sums that stay in the fastest cache
    for first in range(0, len(sums), width):
        part = sums[first : first + width]
        part[:] = 0
        for c in range(len(left)):
            factor, row = left[c], right[c, first : first + width]
            for j in range(part.shape[0]):
                part[j] += factor * row[j]


@fused
def add_low_rank(
    sources: Indices,
    matrix: tuple[Indices, Indices, Float32s],
    term: tuple[Float32s, Float32s, Float32s, Indices, Indices],
    ends: Indices,
    kept: Indices,
    sums: Float32s,
) -> None:
    """Add L to some rows of a matrix and keep the strongest entries of each.

    matrix: rows, columns and values, as CSR.
    term: left and right, items × rank; right of `head`, rank × its items; head; the place of each
        item there, or -1.

    Row i of the result is in `kept` and `sums` from ends[i] to ends[i + 1]; unused entries are
    0, at an item beyond all others.
    """
    rows, columns, values = matrix
    left, right, right_of_head, head, place = term
    of_head = np.empty(len(head), np.float32)
    for i in sources:
        strongest, strengths = kept[ends[i] : ends[i + 1]], sums[ends[i] : ends[i + 1]]
        strongest[:], strengths[:] = len(place), 0
        _products(left[i], right_of_head, of_head)
        if place[i] >= 0:
            of_head[place[i]] = 0
        for entry in range(rows[i], rows[i + 1]):
            column, total = columns[entry], np.float32(0)
            if place[column] >= 0:
                of_head[place[column]] += values[entry]
            else:
                for c in range(left.shape[1]):
                    total += left[i, c] * right[column, c]
                _offer(column, total + values[entry], strongest, strengths)
        for t in range(len(head)):
            if abs(of_head[t]) >= abs(strengths[0]):
                _offer(head[t], of_head[t], strongest, strengths)
