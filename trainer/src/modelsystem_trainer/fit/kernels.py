"""Compiled loops, for what numpy and scipy have no way to say.

numba compiles them on first use, once on a machine where the folder of this file can be
written to. Only multiplications and additions may be fused (`contract`), never reordered, so
that results are the same for any number of threads and any width of vectors.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

_BLOCK = 8  # columns in one step of Cholesky: their factors fit the registers
_LEAST = np.float32(1e-12)


def _compiled(function: Callable[..., Any]) -> Any:
    try:
        return numba.njit(function, nogil=True, fastmath={"contract"}, cache=True)
    except RuntimeError:  # nowhere to keep it, as in a read-only container
        return numba.njit(function, nogil=True, fastmath={"contract"})


@_compiled
def _subtract(a: Any, k: int, end: int, m: int, panel: Any) -> None:
    """Take the columns k to end - 1 out of the rest: the loop that all the time goes into."""
    for i in range(end, m + 1):
        f0, f1, f2, f3 = a[i, k], a[i, k + 1], a[i, k + 2], a[i, k + 3]
        f4, f5, f6, f7 = a[i, k + 4], a[i, k + 5], a[i, k + 6], a[i, k + 7]
        # Slices, because with bare indices the compiler must mind negative ones.
        row = a[i, end : min(i + 1, m)]
        p0, p1, p2, p3 = panel[0, end:m], panel[1, end:m], panel[2, end:m], panel[3, end:m]
        p4, p5, p6, p7 = panel[4, end:m], panel[5, end:m], panel[6, end:m], panel[7, end:m]
        for j in range(row.shape[0]):
            total = row[j] - f0 * p0[j] - f1 * p1[j] - f2 * p2[j] - f3 * p3[j]
            row[j] = total - f4 * p4[j] - f5 * p5[j] - f6 * p6[j] - f7 * p7[j]


@_compiled
def factor(a: Any, m: int, panel: Any) -> None:
    """Factor `a[:m, :m]`, of which the lower triangle is given, by Cholesky, in place.

    Row m is b on the way in and L^-1 b on the way out, as if the matrix went on with it.
    """
    for k in range(0, m, _BLOCK):
        end = min(k + _BLOCK, m)
        # The columns k to end - 1 as rows of `panel`: each is worked on as one vector.
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
    targets: Any,
    candidates: Any,
    counts: Any,
    weights: Any,
    ends: Any,
    columns: Any,
    values: Any,
    diagonal: Any,
    place: Any,
) -> None:
    """Solve the regressions of some targets (intp), in place.

    candidates: int32, targets × M, each row's first `counts` entries ascending.
    weights: float32, targets × M; in: G[C, j]; out: w.
    ends, columns, values: the part of G below its diagonal, as CSR.
    diagonal: float32, that of G with the ridge added.
    place: uint16, one for each item, all M; left so.
    """
    most = candidates.shape[1]
    a = np.empty((most + 1, most + 1), np.float32)  # column M takes what is no candidate's
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
