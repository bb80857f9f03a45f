"""The solution of many small systems, by Cholesky: most of the time of a ridge.

Multiplications and additions may be fused.
"""

import numpy as np

from modelsystem_shared.numeric.arrays import Float32s, Indices
from modelsystem_trainer.compiling import fused

_BLOCK = 8  # columns in one step of Cholesky: their factors fit the registers
_LEAST = np.float32(1e-12)
# Of the diagonal of a system: float32 has 24 bits, so a ten-thousandth makes it regular.
_GROWTHS = (np.float32(1), np.float32(1 + 1e-4), np.float32(2))


@fused
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


@fused
def _factor(a: Float32s, m: int, panel: Float32s) -> None:
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
    a = np.empty((most + 1, most + 1), np.float32)
    panel = np.empty((_BLOCK, most + 1), np.float32)
    of_target = np.empty(most, np.float32)
    for t in range(len(counts)):
        m, c, w, triangle = counts[t], candidates[t], weights[t], triangles[t]
        of_target[:m] = w[:m]
        for growth in _GROWTHS:
            for p in range(m):
                a[p, :p] = triangle[p * (p - 1) // 2 : p * (p + 1) // 2]
                a[p, p] = diagonal[c[p]] * growth
            a[m, :m] = of_target[:m]
            _factor(a, m, panel)
            w[:m] = a[m, :m]
            for i in range(m - 1, -1, -1):  # back substitution, by columns of the transpose
                w[i] /= a[i, i]
                above, row = w[:i], a[i, :i]
                for p in range(i):
                    above[p] -= row[p] * w[i]
            if np.isfinite(w[:m]).all():
                break
