"""The rows of G, the weighted products of items, and the parts of them that targets need."""

import numpy as np

from modelsystem_shared.numeric.arrays import Float32s, Indices, Mask
from modelsystem_trainer.compiling import compiled
from modelsystem_trainer.fit.kernels.interactions import X


@compiled
def _add_row(p: int, x: X, row: Float32s) -> None:
    """Add up row p of G below its diagonal."""
    ends, users, values, user_ends, items, weighted = x
    for s in range(ends[p], ends[p + 1]):
        for t in range(user_ends[users[s]], user_ends[users[s] + 1]):
            if items[t] >= p:
                break
            row[items[t]] += values[s] * weighted[t]


@compiled
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


@compiled
def head(first: int, last: int, x: X, triangle: Float32s) -> None:
    """Add up the rows `first` to `last` - 1 of G below its diagonal, one after the other."""
    start = 0
    for p in range(first, last):
        _add_row(p, x, triangle[start : start + p])
        start += p


@compiled
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


@compiled
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


@compiled
def _entries(places: Indices, candidates: Indices) -> int:
    """Return how many entries of a row all targets need."""
    entries, most = 0, candidates.shape[1]
    for place in places:
        entries += place % most
    return entries


@compiled
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


@compiled
def _take(row: Float32s, places: Indices, candidates: Indices, triangles: Float32s) -> None:
    """Copy what each target needs of a row."""
    most = candidates.shape[1]
    for place in places:
        a, c = place % most, candidates[place // most]
        out = triangles[place // most, a * (a - 1) // 2 :]
        for b in range(a):
            out[b] = row[c[b]]
