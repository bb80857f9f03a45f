"""The strongest candidates of each target, and an order of targets that share them."""

import numpy as np

from modelsystem_shared.numeric.arrays import Float32s, Float64s, Indices
from modelsystem_trainer.compiling import compiled
from modelsystem_trainer.fit.kernels.interactions import X


@compiled
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


@compiled
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


@compiled
def _rise(key: float, item: int, place: int, keys: Float32s, heap: Indices) -> None:
    """Put a key at the end of the heap, and move it up while those above are stronger."""
    while place:
        above = (place - 1) // 2
        if keys[above] < key or (keys[above] == key and heap[above] > item):
            break
        keys[place], heap[place] = keys[above], heap[above]
        place = above
    keys[place], heap[place] = key, item


@compiled
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


@compiled
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


@compiled
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
