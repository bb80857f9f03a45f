"""Compiled loops: what numpy and scipy cannot express.

numba compiles them on first use, once for each machine if the folder of this file is writable.
Sums are never reordered, so results are the same for any number of threads and any width of
vectors; multiplications and additions of a solution may be fused (`contract`), those of G are not.
"""

from collections.abc import Callable
from typing import TypeVar

import numba
import numpy as np

from modelsystem_shared.numeric.arrays import Float32s, Float64s, Indices, Mask

_BLOCK = 8  # columns in one step of Cholesky: their factors fit the registers
_LEAST = np.float32(1e-12)
# Of the diagonal of a system: float32 has 24 bits, so a ten-thousandth makes it regular.
_GROWTHS = (np.float32(1), np.float32(1 + 1e-4), np.float32(2))
# Interactions both ways, as `stored` describes: ends, users, values; user_ends, items, weighted.
X = tuple[Indices, Indices, Float32s, Indices, Indices, Float32s]
F = TypeVar("F", bound=Callable[..., object])


def _compiled(function: F, *flags: str) -> F:
    try:
        cached: F = numba.njit(function, nogil=True, fastmath=set(flags), cache=True)
    except RuntimeError:  # no folder is writable, as in a read-only container
        uncached: F = numba.njit(function, nogil=True, fastmath=set(flags))
        return uncached
    return cached


def _fused(function: F) -> F:
    return _compiled(function, "contract")


@_fused
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


@_fused
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


@_fused
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
            factor(a, m, panel)
            w[:m] = a[m, :m]
            for i in range(m - 1, -1, -1):  # back substitution, by columns of the transpose
                w[i] /= a[i, i]
                above, row = w[:i], a[i, :i]
                for p in range(i):
                    above[p] -= row[p] * w[i]
            if np.isfinite(w[:m]).all():
                break


@_compiled
def transpose(
    csr: tuple[Indices, Indices, Float32s], new: tuple[Indices, Indices, Float32s]
) -> None:
    """Fill the transpose of a CSR matrix (ends, columns, values), whose ends are known."""
    ends, columns, values = csr
    new_ends, rows, new_values = new
    place = new_ends[:-1].copy()
    for row in range(len(ends) - 1):
        for t in range(ends[row], ends[row + 1]):
            s = place[columns[t]]
            place[columns[t]] = s + 1
            rows[s] = row
            new_values[s] = values[t]


@_compiled
def weigh(
    by_user: tuple[Indices, Indices, Float32s],
    of_users: Float64s,
    of_items: Float64s,
    weighted: Float32s,
) -> None:
    """Multiply each x by the weights of its user and its item, in float64."""
    user_ends, items, values = by_user
    for u in range(len(user_ends) - 1):
        for t in range(user_ends[u], user_ends[u + 1]):
            weighted[t] = values[t] * of_users[u] * of_items[items[t]]


@_compiled
def count_visits(user_ends: Indices, items: Indices, below: Indices, visits: Indices) -> None:
    """Count the entries of X to visit for each item's row of G: below the diagonal, and all."""
    for u in range(len(user_ends) - 1):
        start, end = user_ends[u], user_ends[u + 1]
        for t in range(start, end):
            below[items[t]] += t - start
            visits[items[t]] += end - start


@_compiled
def add_squares(items: Indices, values: Float32s, weighted: Float32s, diagonal: Float64s) -> None:
    """Add up the diagonal of G."""
    for t in range(len(items)):
        diagonal[items[t]] += values[t] * weighted[t]


@_compiled
def _add_row(p: int, x: X, row: Float32s) -> None:
    """Add up row p of G below its diagonal."""
    ends, users, values, user_ends, items, weighted = x
    for s in range(ends[p], ends[p + 1]):
        for t in range(user_ends[users[s]], user_ends[users[s] + 1]):
            if items[t] >= p:
                break
            row[items[t]] += values[s] * weighted[t]


@_compiled
def _add_needed(p: int, x: X, is_needed: Mask, row: Float32s) -> None:
    """Add up some entries of row p of G below its diagonal."""
    ends, users, values, user_ends, items, weighted = x
    for s in range(ends[p], ends[p + 1]):
        for t in range(user_ends[users[s]], user_ends[users[s] + 1]):
            q = items[t]
            if q >= p:
                break
            if is_needed[q]:
                row[q] += values[s] * weighted[t]


@_compiled
def head(first: int, last: int, x: X, triangle: Float32s) -> None:
    """Add up the rows `first` to `last` - 1 of G below its diagonal, one after the other."""
    start = 0
    for p in range(first, last):
        _add_row(p, x, triangle[start : start + p])
        start += p


@_compiled
def strongest(first: int, x: X, candidates: Indices, keys: Float32s, counts: Indices) -> None:
    """Choose the candidates of the targets `first`, `first` + 1, ...

    A candidate's key is its sum of x times `weighted`; of equal keys the more popular item comes
    first.
    candidates, keys: targets × M; each row's first `counts` entries are filled, ascending.
    """
    ends, users, values, user_ends, items, weighted = x
    n = len(ends) - 1
    sums, touched = np.zeros(n, np.float32), np.empty(n, np.int32)
    for row in range(len(counts)):
        j, size = first + row, 0
        for s in range(ends[j], ends[j + 1]):
            for t in range(user_ends[users[s]], user_ends[users[s] + 1]):
                i, product = items[t], values[s] * weighted[t]
                if sums[i] == 0 and product > 0:
                    touched[size] = i
                    size += 1
                sums[i] += product
        sums[j] = 0  # an item is no candidate of its own
        m = _select(sums, touched[:size], candidates[row], keys[row])
        counts[row] = m
        candidates[row, :m] = np.sort(candidates[row, :m])
        for a in range(m):
            keys[row, a] = sums[candidates[row, a]]
        for t in range(size):
            sums[touched[t]] = 0


@_compiled
def _select(sums: Float32s, touched: Indices, heap: Indices, keys: Float32s) -> int:
    """Choose the largest of the sums above 0 by a heap, the weakest on top; return their number."""
    most, count = len(heap), 0
    for item in touched:
        key = sums[item]
        if key <= 0:
            continue
        if count < most:
            _rise(key, item, count, keys, heap)
            count += 1
        elif key > keys[0] or (key == keys[0] and item < heap[0]):
            _sink(key, item, keys, heap)
    return count


@_compiled
def _rise(key: float, item: int, place: int, keys: Float32s, heap: Indices) -> None:
    """Put a key at the end of the heap, and move it up while those above are stronger."""
    while place:
        above = (place - 1) // 2
        if keys[above] < key or (keys[above] == key and heap[above] > item):
            break
        keys[place], heap[place] = keys[above], heap[above]
        place = above
    keys[place], heap[place] = key, item


@_compiled
def _sink(key: float, item: int, keys: Float32s, heap: Indices) -> None:
    """Put a key in the place of the weakest, and move it down while those below are weaker."""
    place, below = 0, 1
    while below < len(keys):
        if below + 1 < len(keys) and (
            keys[below + 1] < keys[below]
            or (keys[below + 1] == keys[below] and heap[below + 1] > heap[below])
        ):
            below += 1
        if keys[below] > key or (keys[below] == key and heap[below] < item):
            break
        keys[place], heap[place] = keys[below], heap[below]
        place, below = below, 2 * below + 1
    keys[place], heap[place] = key, item


@_compiled
def regress(
    candidates: tuple[Indices, Float32s, Indices],
    damping: Float64s,
    weights: Float32s,
    parents: Indices,
) -> None:
    """Fill G[C, j], and each target's strongest more popular candidate, -1 for none.

    candidates: sources, keys (both targets × M) and counts.
    """
    sources, keys, counts = candidates
    for j in range(len(counts)):
        strongest_key, parents[j] = np.float32(0), -1
        for a in range(counts[j]):
            i, key = sources[j, a], keys[j, a]
            weights[j, a] = key / damping[i]
            if i < j and key > strongest_key:
                strongest_key, parents[j] = key, i


@_compiled
def group(candidates: Indices, counts: Indices, starts: Indices, places: Indices) -> None:
    """Fill for each item the flat places where it is a candidate; see `gather`.

    starts: zeros, one more than items; places: as many as candidates.
    """
    most = candidates.shape[1]
    for t in range(len(counts)):
        for c in candidates[t, : counts[t]]:
            starts[c + 1] += 1
    for item in range(len(starts) - 1):
        starts[item + 1] += starts[item]
    place = starts[:-1].copy()
    for t in range(len(counts)):
        for a in range(counts[t]):
            c = candidates[t, a]
            places[place[c]] = t * most + a
            place[c] += 1


@_compiled
def gather(
    candidates: Indices,
    places: tuple[Indices, Indices],
    head: tuple[Float32s, Indices],
    x: X,
    triangles: Float32s,
) -> None:
    """Fill for each target of a block the part of G[C, C] below its diagonal.

    candidates: int32, targets × M.
    places: as `group` fills them.
    head: the rows of G below its diagonal of the most popular items, one after the other, and for
        each item how many entries of X make its row.
    triangles: targets × M · (M - 1) / 2.
    """
    (starts, all_places), (triangle, below) = places, head
    n = len(starts) - 1
    row, is_needed, marked = np.zeros(n, np.float32), np.zeros(n, np.bool_), np.empty(n, np.int32)
    for p in range(n):
        of_p = all_places[starts[p] : starts[p + 1]]
        if not len(of_p):
            continue
        if p * (p + 1) // 2 <= len(triangle):
            known = triangle[p * (p - 1) // 2 : p * (p + 1) // 2]
            _take(known, of_p, candidates, triangles)
        elif _entries(of_p, candidates) < below[p]:
            needed = marked[: _mark(of_p, candidates, is_needed, marked)]
            _add_needed(p, x, is_needed, row)
            _take(row, of_p, candidates, triangles)
            for q in needed:
                row[q], is_needed[q] = 0, False
        else:  # marks cost more than they save
            _add_row(p, x, row)
            _take(row, of_p, candidates, triangles)
            row[:p] = 0


@_compiled
def _entries(places: Indices, candidates: Indices) -> int:
    """Return how many entries of a row all targets need."""
    entries, most = 0, candidates.shape[1]
    for place in places:
        entries += place % most
    return entries


@_compiled
def _mark(places: Indices, candidates: Indices, is_needed: Mask, marked: Indices) -> int:
    """Mark the entries of a row that any target needs; return how many there are."""
    size, most = 0, candidates.shape[1]
    for place in places:
        c = candidates[place // most]
        for b in range(place % most):
            if not is_needed[c[b]]:
                is_needed[c[b]] = True
                marked[size] = c[b]
                size += 1
    return size


@_compiled
def _take(row: Float32s, places: Indices, candidates: Indices, triangles: Float32s) -> None:
    """Copy what each target needs of a row."""
    most = candidates.shape[1]
    for place in places:
        a, c = place % most, candidates[place // most]
        out = triangles[place // most, a * (a - 1) // 2 :]
        for b in range(a):
            out[b] = row[c[b]]


@_compiled
def preorder(parents: Indices, order: Indices) -> None:
    """Walk a forest depth first; each parent comes before its children, which come ascending.

    parents: each node's parent, which is a smaller number, or -1.
    order: gets the nodes in the order of the walk.
    """
    n = len(parents)
    sizes, free = np.ones(n, np.int64), np.empty(n, np.int64)
    for node in range(n - 1, -1, -1):
        if parents[node] >= 0:
            sizes[parents[node]] += sizes[node]
    end = 0
    for node in range(n):  # a node's place is where its parent's next subtree begins
        parent = parents[node]
        if parent < 0:
            place, end = end, end + sizes[node]
        else:
            place, free[parent] = free[parent], free[parent] + sizes[node]
        order[place], free[node] = node, place + 1


@_fused
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


@_fused
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


@_fused
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
