"""What lists show of a catalogue, whether it was held out or not: the trainer's and the gate's.

Lists are lists × k places of items, best first; -1 after a list's end, and for an item that is not
in the catalogue. With the number of users who chose each item,

    coverage = the items that are in any list / all items
               (Ge, Delgado-Battenfeld and Jannach 2010, doi 10.1145/1864708.1864761)
    novelty  = bits: the mean over a list's items of -log2(users who chose the item / all users)
               (Zhou et al. 2010, doi 10.1073/pnas.1000488107)

An item that is not in the catalogue counts in neither. A list without items has the novelty 0.
"""

import numpy as np

from modelsystem_shared.numeric.arrays import Float64s, Indices, Mask

_DECIMALS = 6


def self_information(counts: Indices, n_users: int) -> Float64s:
    """Return -log2 of the share of users who chose each item; 0 users count as 1."""
    bits: Float64s = np.log2(max(n_users, 1)) - np.log2(np.maximum(counts, 1), dtype=np.float64)
    return bits


def novelty(shown: Indices, bits: Float64s) -> Float64s:
    """Return the novelty of each list; `bits` is the self-information of each item."""
    is_item = shown >= 0
    total = np.where(is_item, bits[shown], 0).sum(axis=1) if len(bits) else np.zeros(len(shown))
    means: Float64s = total / np.maximum(is_item.sum(axis=1), 1)
    return means


def coverage(shown: Indices, n_items: int) -> float:
    """Return the share of `n_items` items that is in any list, with 6 decimals."""
    return share(is_shown(shown, n_items))


def is_shown(shown: Indices, n_items: int) -> Mask:
    """Return for each item whether it is in any list."""
    mask = np.zeros(n_items, bool)
    mask[shown[shown >= 0]] = True
    return mask


def share(mask: Mask) -> float:
    """Return the share of True, with 6 decimals; 0 of nothing."""
    return round(float(mask.mean()), _DECIMALS) if len(mask) else 0.0
