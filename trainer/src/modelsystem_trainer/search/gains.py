"""What a hit counts in the measure of a search.

With times, the latest interactions are held out: each hit counts 1. Without times a hash draws what
is held out, and nothing tells how the next interactions will differ from the earlier ones. So a hit
counts by a power of the number of the item's users: that is a hedge, which costs little if they do
not differ, and gains more if they are of more popular items (ADR 26).
"""

import numpy as np
from scipy import sparse

from modelsystem_shared.numeric.arrays import Float64s
from modelsystem_trainer.evaluation import Split, ranking

POWER = 0.25  # an item with 16 times as many users counts twice


def power(split: Split) -> float:
    """Return the power of the number of an item's users that a hit counts."""
    return 0.0 if split.has_times else POWER


def of_items(split: Split) -> Float64s:
    """Return what a hit of each item counts, at least 1."""
    if not power(split):
        return np.ones(split.n_items)
    n_users = np.maximum(split.item_counts(split.train), 1)
    # Roots have the same bits on every machine, other powers have not.
    gains: Float64s = np.sqrt(np.sqrt(n_users))
    return gains


def user_ndcg(lists: ranking.Lists, gains: Float64s, ideal: Float64s) -> Float64s:
    """Return each user's NDCG over the whole list, 0 for a user without held-out items.

    DCG is the sum over the hits at place p (from 1) of gain / log2(p + 1) (Järvelin and Kekäläinen
    2002, doi 10.1145/582415.582418).

    ideal: each user's DCG of the best list, as `ideal_dcg` has it.
    """
    discounts = np.log2(np.arange(2, lists.shown.shape[1] + 2))
    dcg = (np.where(lists.hits, gains[lists.shown], 0) / discounts).sum(axis=1)
    values: Float64s = np.divide(dcg, ideal, out=np.zeros(len(dcg)), where=ideal > 0)
    return values


def ideal_dcg(truth: sparse.csr_array, gains: Float64s, k: int) -> Float64s:
    """Return each user's DCG of k places that begin with the held-out items of the largest gains.

    truth: users × items, an entry for each held-out item.
    """
    n_users, of_pairs = truth.shape[0], gains[truth.indices]
    users = np.repeat(np.arange(n_users), np.diff(truth.indptr))
    of_pairs = of_pairs[np.lexsort((-of_pairs, users))]
    places = np.arange(len(users)) - truth.indptr[users]
    is_first = places < k
    discounted = of_pairs[is_first] / np.log2(places[is_first] + 2)
    sums: Float64s = np.bincount(users[is_first], discounted, minlength=n_users).astype(np.float64)
    return sums
