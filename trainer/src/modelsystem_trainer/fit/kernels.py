"""Compiled loops: what numpy and scipy cannot express.

numba compiles them on first use, once for each machine if the folder of this file is writable.
Multiplications and additions may be fused (`contract`) and never reordered: results are the same
for any number of threads and any width of vectors.
"""

from collections.abc import Callable
from typing import TypeVar

import numba
import numpy as np

from modelsystem_shared.numeric.arrays import Float32s, Indices

_BLOCK = 8  # columns in one step of Cholesky: their factors fit the registers
_LEAST = np.float32(1e-12)


F = TypeVar("F", bound=Callable[..., None])


def _compiled(function: F) -> F:
    try:
        cached: F = numba.njit(function, nogil=True, fastmath={"contract"}, cache=True)
    except RuntimeError:  # no folder is writable, as in a read-only container
        uncached: F = numba.njit(function, nogil=True, fastmath={"contract"})
        return uncached
    return cached


@_compiled
def _subtract(a: Float32s, k: int, end: int, m: int, panel: Float32s) -> None:
    """Eliminate the columns k to end - 1 from the rest: the loop that takes most of the time."""
    for i in range(end, m + 1):
        f0, f1, f2, f3 = a[i, k], a[i, k + 1], a[i, k + 2], a[i, k + 3]
        f4, f5, f6, f7 = a[i, k + 4], a[i, k + 5], a[i, k + 6], a[i, k + 7]
        # Slices: with bare indices the compiler must allow for negative ones.
        row = a[i, end : min(i + 1, m)]
        p0, p1, p2, p3 = panel[0, end:m], panel[1, end:m], panel[2, end:m], panel[3, end:m]
        p4, p5, p6, p7 = panel[4, end:m], panel[5, end:m], panel[6, end:m], panel[7, end:m]
        for j in range(row.shape[0]):
            total = row[j] - f0 * p0[j] - f1 * p1[j] - f2 * p2[j] - f3 * p3[j]
            row[j] = total - f4 * p4[j] - f5 * p5[j] - f6 * p6[j] - f7 * p7[j]


@_compiled
def factor(a: Float32s, m: int, panel: Float32s) -> None:
    """Factor `a[:m, :m]` by Cholesky, in place; only its lower triangle is read.

    Row m holds b before and L^-1 b after: it is treated as one more row of the matrix.
    """
    for k in range(0, m, _BLOCK):
        end = min(k + _BLOCK, m)
        # The columns k to end - 1 as rows of `panel`: each is one vector.
        for i in range(k, m + 1):
            for p in range(k, end):
                panel[p - k, i] = a[i, p]
        for p in range(end - k):
            column = panel[p, k + p : m + 1]
            for q in range(p):
                other, f = panel[q, k + p : m + 1], panel[q, k + p]
                for i in range(column.shape[0]):
                    column[i] -= f * other[i]
            pivot = np.sqrt(max(column[0], _LEAST))
            for i in range(column.shape[0]):
                column[i] /= pivot
            column[0] = pivot
        for i in range(k, m + 1):
            for p in range(k, min(end, i + 1)):
                a[i, p] = panel[p - k, i]
        if end < m:
            _subtract(a, k, end, m, panel)


@_compiled
def solve_rows(  # noqa: PLR0913, PLR0917  # compiled code takes arrays, not objects
    targets: Indices,
    candidates: Indices,
    counts: Indices,
    weights: Float32s,
    ends: Indices,
    columns: Indices,
    values: Float32s,
    diagonal: Float32s,
    place: Indices,
) -> None:
    """Solve the regressions of some targets (intp), in place.

    candidates: int32, targets × M, each row's first `counts` entries ascending.
    weights: targets × M; before: G[C, j]; after: w.
    ends, columns, values: the part of G below its diagonal, as CSR.
    diagonal: that of G with the ridge added.
    place: uint16, one for each item, all M before and after.
    """
    most = candidates.shape[1]
    a = np.empty((most + 1, most + 1), np.float32)  # column M takes the values of other items
    panel = np.empty((_BLOCK, most + 1), np.float32)
    for j in targets:
        m, c, w = counts[j], candidates[j], weights[j]
        for p in range(m):
            place[c[p]] = p
        for p in range(m):
            row = a[p]
            row[:p] = 0
            for t in range(ends[c[p]], ends[c[p] + 1]):
                row[place[columns[t]]] = values[t]
            row[p] = diagonal[c[p]]
        for p in range(m):
            place[c[p]] = most
        a[m, :m] = w[:m]
        factor(a, m, panel)
        w[:m] = a[m, :m]
        for i in range(m - 1, -1, -1):  # back substitution, by columns of the transpose
            w[i] /= a[i, i]
            above, row = w[:i], a[i, :i]
            for p in range(i):
                above[p] -= row[p] * w[i]


@_compiled
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


@_compiled
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


@_compiled
def add_low_rank(  # noqa: PLR0913, PLR0917  # as above
    sources: Indices,
    rows: Indices,
    columns: Indices,
    values: Float32s,
    left: Float32s,
    right: Float32s,
    right_of_head: Float32s,
    head: Indices,
    place: Indices,
    ends: Indices,
    kept: Indices,
    sums: Float32s,
) -> None:
    """Add L to some rows of a matrix and keep the strongest entries of each.

    rows, columns, values: the matrix, as CSR.
    left, right: items × rank; right_of_head: rank × those of `head`; place: of each item there, or
    -1. Row i of the result is in `kept` and `sums` from ends[i] to ends[i + 1]; unused entries are
    0, at an item beyond all others.
    """
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
