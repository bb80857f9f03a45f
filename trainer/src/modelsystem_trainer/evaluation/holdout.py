"""What is held out: gate users from every build, the latest interactions of each other user.

Hashes are of the ids themselves: every build holds out the same users and pairs, whatever else its
data holds.
"""

import hashlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from modelsystem_shared.numeric.arrays import Indices, Mask

Hashes = npt.NDArray[np.uint64]
GATE_SHARE = 0.01
MOST_GATE_USERS = 5_000
LATEST_SHARE = 0.2
_ROWS_AT_ONCE = 1 << 16


def hashes(ids: Sequence[str], purpose: str) -> Hashes:
    """Return 64 bits of each id's SHA-256, salted with the purpose."""
    start = hashlib.sha256(f"{purpose}:".encode())

    def eight_bytes(value: str) -> bytes:
        digest = start.copy()
        digest.update(value.encode())
        return digest.digest()[:8]

    return np.frombuffer(b"".join(map(eight_bytes, ids)), dtype=">u8").astype(np.uint64)


def gate_users(users: Sequence[str]) -> Mask:
    """Return which users are gate users: 1 percent, at most 5,000, those of the smallest hashes."""
    keys = hashes(users, "gate")
    is_gate: Mask = keys < np.uint64(GATE_SHARE * 2**64)
    is_gate[np.argsort(keys, kind="stable")[MOST_GATE_USERS:]] = False
    return is_gate


def pair_hashes(table: pd.DataFrame, users: Hashes, items: Hashes) -> Hashes:
    """Return a hash of each pair of the table: murmur3's finalizer over both ids' hashes."""
    mixed = (items * np.uint64(0x9E3779B97F4A7C15))[table["item"]]
    mixed ^= users[table["user"]]
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        mixed ^= mixed >> np.uint64(33)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(33)
    return mixed


def later(table: pd.DataFrame, pairs: Hashes) -> Indices:
    """Return for each row the number of its user's later interactions, int32.

    Interactions of the same time, or without times, are in the order of their hashes.
    table: sorted by user; pairs: a hash for each of its rows.
    """
    user, time = table["user"].to_numpy(), table["time"].to_numpy()
    ends = np.cumsum(np.bincount(user))
    counts = np.empty(len(table), np.int32)
    for rows in _portions(ends):
        # Sorting moves rows within a user only.
        order = rows.start + np.lexsort((pairs[rows], time[rows], user[rows]))
        counts[order] = ends[user[rows]] - 1 - np.arange(rows.start, rows.stop)
    return counts


def _portions(ends: Indices) -> list[slice]:
    """Cut rows after whole users into portions whose sort stays in the CPU's cache.

    ends: for each user the end of the rows.
    """
    rows = int(ends[-1]) if len(ends) else 0
    cuts = ends[np.searchsorted(ends, np.arange(_ROWS_AT_ONCE, rows, _ROWS_AT_ONCE))]
    return [slice(*bounds) for bounds in pairwise([0, *np.unique(cuts).tolist(), rows])]


def held_out(counts: Indices) -> Indices:
    """Return how many of `counts` interactions are held out, int32: a fifth, at least 1 of 2."""
    fifth = np.maximum(1, (counts * LATEST_SHARE).astype(np.int32))
    return np.where(counts >= 2, fifth, 0).astype(np.int32)
