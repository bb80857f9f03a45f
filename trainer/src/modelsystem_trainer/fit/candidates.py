"""The strongest candidates of every target: the phase that both methods begin with."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from modelsystem_shared.numeric.arrays import Float32s, Indices
from modelsystem_trainer.fit import portions
from modelsystem_trainer.fit.portions import Resources
from modelsystem_trainer.fit.stored import Stored, both_ways, load


@dataclass(frozen=True)
class Candidates:
    """For each target its M strongest candidates; both are numbered by falling popularity.

    sources: int32, targets × M, each row's first `counts` entries ascending.
    keys: float32, targets × M, what they are chosen by; of equal keys the more popular comes first.
    counts: int32.
    """

    sources: Indices
    keys: Float32s
    counts: Indices


def matrix(order: Indices, sources: Indices, counts: Indices, values: Float32s) -> sparse.csr_array:
    """Return values, targets × M, as targets × sources, both numbered as in the data.

    order: the item of each number by popularity.
    sources, counts: as of `Candidates`.
    """
    number = np.argsort(order)
    n_items, most = sources.shape
    used = np.arange(most) < counts[number][:, None]
    columns = order.astype(np.int32)[sources[number][used]]
    kind = sparse.get_index_dtype(maxval=max(len(columns), n_items))
    ends = np.concatenate([[0], np.cumsum(counts[number], dtype=np.int64)]).astype(kind)
    return sparse.csr_array((values[number][used], columns, ends), shape=(n_items, n_items))


def choose(stored: Stored, most: int, resources: Resources) -> Candidates:
    """Return the `most` strongest candidates of each target, by the values `keyed`."""
    stored.save(most=np.array(most))
    shape = (len(stored.order), most)
    nearest = Candidates(
        np.empty(shape, np.int32),
        np.empty(shape, np.float32),
        np.empty(len(stored.order), np.int32),
    )
    cuts = portions.of_equal_cost(stored.visits)
    for rows, (sources, keys, counts) in portions.run(resources, strongest, stored.folder, cuts):
        nearest.sources[rows], nearest.keys[rows], nearest.counts[rows] = sources, keys, counts
    return nearest


def strongest(folder: Path, number: int) -> None:
    """Phase: write candidates, keys (both targets × M) and counts of a portion of the targets."""
    from modelsystem_trainer.fit import kernels  # noqa: PLC0415  # numba is slow to import

    targets = portions.of(folder, strongest, number)
    n_targets = targets.stop - targets.start
    [most] = load(folder, "most")
    shape = (n_targets, int(most))
    sources, keys = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
    counts = np.zeros(n_targets, np.int32)
    x = both_ways(folder, "keyed")
    kernels.strongest(targets.start, x, sources, keys, counts)
    portions.write(folder, strongest, number, sources, keys, counts)
