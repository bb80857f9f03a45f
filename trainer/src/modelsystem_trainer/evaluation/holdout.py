"""Who and what is held out: gate users from every build, latest interactions from each user.

Hashes are of the ids themselves, so that the same users and pairs are held out in every
build, whatever else the data holds.
"""

import hashlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

Mask = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int32]
GATE_SHARE = 0.01
MOST_GATE_USERS = 5_000
LATEST_SHARE = 0.2
_ROWS_AT_ONCE = 1 << 16


def hashes(ids: Sequence[str], purpose: str) -> Hashes:
    """Return 64 bits of each id's SHA-256, salted with what they are for."""
    start = hashlib.sha256(f"{purpose}:".encode())

    def one(value: str) -> bytes:
        digest = start.copy()
        digest.update(value.encode())
        return digest.digest()[:8]

    return np.frombuffer(b"".join(map(one, ids)), dtype=">u8").astype(np.uint64)


def gate_users(users: Sequence[str]) -> Mask:
    """Choose 1 percent of the users, at most 5,000: those with the smallest hashes."""
    keys = hashes(users, "gate")
    chosen = keys < np.uint64(GATE_SHARE * 2**64)
    chosen[np.argsort(keys, kind="stable")[MOST_GATE_USERS:]] = False
    return chosen


def pair_hashes(table: pd.DataFrame, users: Hashes, items: Hashes) -> Hashes:
    """Return a hash of each pair of the table: murmur3's finalizer over both ids' hashes."""
    mixed = (items * np.uint64(0x9E3779B97F4A7C15))[table["item"]]
    mixed ^= users[table["user"]]
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        mixed ^= mixed >> np.uint64(33)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(33)
    return mixed


def later(table: pd.DataFrame, pairs: Hashes) -> Counts:
    """Return for each row how many of its user's interactions are later; ties, no times: by hash.

    `table` is sorted by user; `pairs` has a hash for each of its rows.
    """
    user, time = table["user"].to_numpy(), table["time"].to_numpy()
    ends = np.cumsum(np.bincount(user))
    found = np.empty(len(table), np.int32)
    for rows in _portions(ends):
        # Sorting moves rows within a user only.
        order = rows.start + np.lexsort((pairs[rows], time[rows], user[rows]))
        found[order] = ends[user[rows]] - 1 - np.arange(rows.start, rows.stop)
    return found


def _portions(ends: npt.NDArray[np.int64]) -> list[slice]:
    """Cut rows after whole users into portions that a sort finds in the CPU's cache.

    ends: where each user's rows end.
    """
    rows = int(ends[-1]) if len(ends) else 0
    cuts = ends[np.searchsorted(ends, np.arange(_ROWS_AT_ONCE, rows, _ROWS_AT_ONCE))]
    return [slice(*bounds) for bounds in pairwise([0, *np.unique(cuts).tolist(), rows])]


def held_out(counts: npt.NDArray[np.integer]) -> Counts:
    """Return how many of so many interactions are held out: a fifth, at least one of two."""
    fifth = np.maximum(1, (counts * LATEST_SHARE).astype(np.int32))
    return np.where(counts >= 2, fifth, 0).astype(np.int32)
