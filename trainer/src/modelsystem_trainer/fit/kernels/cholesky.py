"""The solution of many small systems, by Cholesky: most of the time of a ridge.

A system is a row of `a` for each unknown: from its diagonal to the right, then the right-hand side
in column m. What else stands in `a` is left over from other systems and may be infinite or NaN. It
is never a multiplier, so it stays in its column. Therefore the longest loop may compute it too: it
begins and ends at multiples of 16, and takes two rows at a time, without remainders.
Multiplications and additions may be fused.
"""

import numpy as np

from modelsystem_shared.numeric.arrays import Float32s, Indices
from modelsystem_trainer.compiling import fused

_BLOCK = 8  # rows in one step of Cholesky: the multipliers of two rows below fit 32 registers
_VECTOR = 16  # values in the largest register
_LEAST = np.float32(1e-12)
# Of the diagonal of a system: float32 has 24 bits, so a ten-thousandth makes it regular.
_GROWTHS = (np.float32(1), np.float32(1 + 1e-4), np.float32(2))


@fused
def _fill(a: Float32s, triangle: Float32s, m: int) -> None:
    """Write what is right of the diagonal from the rows of the triangle below it."""
    start = 0
    for p in range(m):
        row, column = triangle[start : start + p], a[:p, p]
        for i in range(p):
            column[i] = row[i]
        start += p


@fused
def _subtract(a: Float32s, k: int, m: int) -> None:
    """Eliminate the unknowns of the block at k from all rows below it, two rows at a time.

    It takes most of the time. An odd last row is paired with row m, which belongs to no unknown.
    """
    last = (m + _VECTOR) // _VECTOR * _VECTOR
    for i in range(k + _BLOCK, m, 2):
        f0, f1, f2, f3 = a[k, i], a[k + 1, i], a[k + 2, i], a[k + 3, i]
        f4, f5, f6, f7 = a[k + 4, i], a[k + 5, i], a[k + 6, i], a[k + 7, i]
        g0, g1, g2, g3 = a[k, i + 1], a[k + 1, i + 1], a[k + 2, i + 1], a[k + 3, i + 1]
        g4, g5, g6, g7 = a[k + 4, i + 1], a[k + 5, i + 1], a[k + 6, i + 1], a[k + 7, i + 1]
        # Slices: with bare indices the compiler must allow for negative ones.
        s = i // _VECTOR * _VECTOR
        row, other = a[i, s:last], a[i + 1, s:last]
        p0, p1, p2, p3 = a[k, s:last], a[k + 1, s:last], a[k + 2, s:last], a[k + 3, s:last]
        p4, p5, p6, p7 = a[k + 4, s:last], a[k + 5, s:last], a[k + 6, s:last], a[k + 7, s:last]
        for j in range(row.shape[0]):
            x = row[j] - f0 * p0[j] - f1 * p1[j] - f2 * p2[j] - f3 * p3[j]
            y = other[j] - g0 * p0[j] - g1 * p1[j] - g2 * p2[j] - g3 * p3[j]
            row[j] = x - f4 * p4[j] - f5 * p5[j] - f6 * p6[j] - f7 * p7[j]
            other[j] = y - g4 * p4[j] - g5 * p5[j] - g6 * p6[j] - g7 * p7[j]


@fused
def _factor(a: Float32s, m: int) -> None:
    """Write Cholesky's factor L over A, transposed, and L^-1 b over b."""
    for k in range(0, m, _BLOCK):
        end = min(k + _BLOCK, m)
        for p in range(k, end):
            row = a[p, p : m + 1]
            for q in range(k, p):
                f, above = a[q, p], a[q, p : m + 1]
                for j in range(row.shape[0]):
                    row[j] -= f * above[j]
            pivot = np.sqrt(max(row[0], _LEAST))
            for j in range(row.shape[0]):
                row[j] /= pivot
            row[0] = pivot
        if end < m:
            _subtract(a, k, m)


@fused
def _substitute(a: Float32s, m: int, w: Float32s) -> None:
    """Solve Lᵀ w = L^-1 b from the last unknown on, a block of them at a time."""
    for i in range(m):
        w[i] = a[i, m]
    for end in range(m, 0, -_BLOCK):
        first = max(end - _BLOCK, 0)
        for i in range(end - 1, first - 1, -1):
            w[i] /= a[i, i]
            for p in range(first, i):
                w[p] -= a[p, i] * w[i]
        for p in range(first):
            rest = w[p]
            for i in range(end - 1, first - 1, -1):
                rest -= a[p, i] * w[i]
            w[p] = rest


@fused
def solve(
    triangles: Float32s,
    candidates: Indices,
    counts: Indices,
    weights: Float32s,
    diagonal: Float32s,
) -> None:
    """Solve the regressions of some targets, in place.

    If rounding makes a system singular, so that its solution is not finite, its diagonal grows
    until there is one.

    triangles: targets × M · (M - 1) / 2, the part of G[C, C] below its diagonal, row after row.
    candidates, counts: int32, targets × M, each row's first `counts` entries ascending.
    weights: targets × M; before: G[C, j]; after: w.
    diagonal: that of G with the ridge added, for all items.
    """
    most = candidates.shape[1]
    a = np.zeros((most + 1, (most // _VECTOR + 1) * _VECTOR), np.float32)
    of_target = np.empty(most, np.float32)
    for t in range(len(counts)):
        m, c, w = counts[t], candidates[t], weights[t]
        of_target[:m] = w[:m]
        for growth in _GROWTHS:
            _fill(a, triangles[t], m)
            for i in range(m):
                a[i, i], a[i, m] = diagonal[c[i]] * growth, of_target[i]
            _factor(a, m)
            _substitute(a, m, w)
            if np.isfinite(w[:m]).all():
                break
