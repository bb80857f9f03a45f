"""A low-rank, low-pass term: what the leading directions of all interactions say of two items.

With n the degrees of items, and V (items × rank) the leading right singular vectors of the
interactions, each divided by the roots of its user's and its item's degree,

    L = diag(n^-h) V Vᵀ diag(n^h)        S = W + w · μ · L

without diagonal. V Vᵀ is the ideal low-pass filter of GF-CF (Shen et al. 2021, doi
10.1145/3459637.3482264). W are the weighed similarities, and μ makes the mean |score| of both terms
equal, so that w means the same for any data. Each source keeps its strongest entries of S.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from threadpoolctl import threadpool_limits

from modelsystem_shared.numeric.arrays import Float32s, Float64s, Indices
from modelsystem_trainer.fit import portions
from modelsystem_trainer.fit.parameters import MOST_RANK, Parameters
from modelsystem_trainer.fit.portions import DEFAULT, Resources
from modelsystem_trainer.fit.stored import load, save
from modelsystem_trainer.fit.weighing import damped, degrees

MOST_TARGETS = 16_384  # of a source: the cost grows with items · targets, not with items²
_SMALL = 256  # items, up to which all eigenvectors are computed
_TOLERANCE = 1e-6  # of an eigenvalue
_LEAST = 1e-9  # an eigenvalue that rounding made
_SEED = 20_180_523
_USERS = 300  # whose scores give μ
_TERM = ("left", "right", "right_of_head", "head", "place")
_AT_ONCE = 512  # sources in a portion


@dataclass(frozen=True)
class LowRank:
    """The two sides of L: L_ij = left_i · right_j, both items × rank, float32."""

    left: Float32s
    right: Float32s

    @property
    def head(self) -> Indices:
        """The items with the longest rows of `right`, ascending (int32): all targets."""
        lengths = np.einsum("jk,jk->j", self.right, self.right)
        order = np.argsort(-lengths, kind="stable")[:MOST_TARGETS]
        return np.sort(order[lengths[order] > 0]).astype(np.int32)


@dataclass(frozen=True)
class Unscaled:
    """Both sides of L in float64, and the sum of |score| by L of the users that give μ."""

    left: Float64s
    right: Float64s
    scores: float

    def times(self, w: float, by_similarity: float) -> LowRank:
        """Return w · μ · L; by_similarity: from `total_score`."""
        factor = w * by_similarity / self.scores if self.scores > 0 else 0.0
        return LowRank((self.left * factor).astype(np.float32), self.right.astype(np.float32))


def basis(x: sparse.csr_array) -> Float64s:
    """Return the leading right singular vectors, items × at most `MOST_RANK`, the first first.

    x: users × items. The vectors have converged: they depend neither on a number of steps nor on
    their start, which is fixed, as the order of all sums is.
    """
    n_items = x.shape[1]
    if not x.nnz:
        return np.zeros((n_items, 0))
    operator = _normalised(x)
    if n_items <= _SMALL:
        dense = (operator.T @ operator).toarray()
        values, vectors = np.linalg.eigh(dense)
    else:
        with threadpool_limits(1, user_api="blas"):  # sums depend on the number of threads
            values, vectors = _leading(operator, min(MOST_RANK, n_items - 2))
    is_kept = values > _LEAST
    leading: Float64s = vectors[:, is_kept][:, ::-1][:, :MOST_RANK]
    return leading


def _normalised(x: sparse.csr_array) -> sparse.csr_array:
    """Return D_u^-½ X D_i^-½ with X binary."""
    users = damped(np.diff(x.indptr), 0.5)
    data = np.repeat(users, np.diff(x.indptr)) * damped(degrees(x), 0.5)[x.indices]
    return sparse.csr_array((data, x.indices, x.indptr), shape=x.shape)


def _leading(operator: sparse.csr_array, rank: int) -> tuple[Float64s, Float64s]:
    """Return eigenvalues and eigenvectors of the operator's Gram matrix by Lanczos' method."""
    n_items = operator.shape[1]
    transposed = operator.T.tocsr()
    gram = LinearOperator(
        (n_items, n_items), matvec=lambda v: transposed @ (operator @ v), dtype=np.float64
    )
    start = np.cos(np.arange(n_items, dtype=np.float64)) + 1.5
    rng = np.random.default_rng(_SEED)  # for another start, if this one is spent early
    try:
        values, vectors = eigsh(gram, k=rank, v0=start, tol=_TOLERANCE, rng=rng)
    except ArpackNoConvergence as error:  # the vectors that converged are still a basis
        values, vectors = error.eigenvalues.real, error.eigenvectors.real
    return values, vectors


def term(
    x: sparse.csr_array, vectors: Float64s, similarity: sparse.csr_array, p: Parameters
) -> LowRank:
    """Return both sides of w · μ · L.

    vectors: from `basis`; similarity: the weighed W.
    """
    return unscaled(x, vectors, p).times(p.w, total_score(x, similarity))


def unscaled(x: sparse.csr_array, vectors: Float64s, p: Parameters) -> "Unscaled":
    """Return L of the rank and the h of `p`, which a search weighs many times."""
    kept = vectors[:, : int(p.rank)]
    n = degrees(x)
    left, right = kept * damped(n, p.h)[:, None], kept * damped(n, -p.h)[:, None]
    scores = np.ascontiguousarray(_histories(x) @ left)
    return Unscaled(left, right, sum(_sum_of_products(row, right) for row in scores))


def total_score(x: sparse.csr_array, similarity: sparse.csr_array | Float32s) -> float:
    """Return the sum of |score| by W of some users, the same for any W."""
    if isinstance(similarity, np.ndarray):
        return float(np.abs(_histories(x) @ similarity).sum(dtype=np.float64))
    return float(np.abs((_histories(x) @ similarity).data).sum(dtype=np.float64))


def _histories(x: sparse.csr_array) -> sparse.csr_array:
    """Return the histories of the users whose scores give μ."""
    users = np.flatnonzero(np.diff(x.indptr))
    return x[users[:: 1 + (len(users) - 1) // _USERS]] if len(users) else x


def _sum_of_products(row: Float64s, right: Float64s) -> float:
    """Return Σ_j |row · right_j|; without BLAS, whose sums depend on its threads."""
    return float(np.abs(np.einsum("k,jk->j", row, right)).sum())


def added(
    similarity: sparse.csr_array,
    of: LowRank,
    p: Parameters,
    resources: Resources = DEFAULT,
    sources: Indices | None = None,
) -> sparse.csr_array:
    """Return S, float32: of each source the entries with the largest |S_ij|.

    A source keeps K entries, or as many as it has in `similarity` if those are more; all, if the
    method is `dense`. New entries are at the `MOST_TARGETS` items whose side `right` is longest.
    sources: those whose rows are made, ascending; the others are empty. None: all.
    """
    n_items = similarity.shape[0]
    sources = np.arange(n_items) if sources is None else sources
    most = n_items if p.method == "dense" else p.neighbours
    sizes = np.zeros(n_items, np.int64)
    sizes[sources] = np.minimum(np.maximum(np.diff(similarity.indptr), most), n_items)[sources]
    ends = np.concatenate([[0], np.cumsum(sizes)])
    columns, values = np.empty(ends[-1], np.int32), np.empty(ends[-1], np.float32)
    with resources.scratch() as folder:
        save(folder, sources=sources, entry_ends=ends)
        _save(folder, similarity, of)
        cuts = portions.of_equal_size(len(sources), _AT_ONCE)
        for part, (kept, sums) in portions.run(resources, strongest_of_sum, folder, cuts):
            entries = _entries(ends, sources[part])
            columns[entries], values[entries] = kept, sums
    return _without_zeros(columns, values, ends, n_items)


def _save(folder: Path, similarity: sparse.csr_array, of: LowRank) -> None:
    """Write both terms, as `kernels.add_low_rank` takes them."""
    head = of.head
    place = np.full(similarity.shape[0], -1, np.int32)
    place[head] = np.arange(len(head), dtype=np.int32)
    save(folder, rows=similarity.indptr, columns=similarity.indices, values=similarity.data)
    save(folder, left=of.left, right=of.right, head=head, place=place)
    save(folder, right_of_head=np.ascontiguousarray(of.right[head].T))


def strongest_of_sum(folder: Path, number: int) -> None:
    """Phase: write the columns and the values that a portion of the sources keeps."""
    from modelsystem_trainer.fit import kernels  # noqa: PLC0415  # numba is slow to import

    sources, ends = load(folder, "sources", "entry_ends")
    part = sources[portions.of(folder, strongest_of_sum, number)]
    entries = _entries(ends, part)
    size = entries.stop - entries.start
    columns, values = np.empty(size, np.int32), np.empty(size, np.float32)
    rows, of, weights = load(folder, "rows", "columns", "values")
    left, right, of_head, head, place = load(folder, *_TERM)
    similarity, term = (rows, of, weights), (left, right, of_head, head, place)
    kernels.add_low_rank(part, similarity, term, ends - entries.start, columns, values)
    portions.write(folder, strongest_of_sum, number, columns, values)


def _entries(ends: Indices, part: Indices) -> slice:
    """Return where the entries of successive sources are."""
    return slice(int(ends[part[0]]), int(ends[part[-1] + 1])) if len(part) else slice(0, 0)


def _without_zeros(
    columns: Indices, values: Float32s, ends: Indices, n_items: int
) -> sparse.csr_array:
    """Return a CSR matrix of the values that are not 0, columns ascending."""
    is_entry = values != 0
    pointers = np.concatenate([[0], np.cumsum(is_entry)])[ends]
    kept = sparse.csr_array((values[is_entry], columns[is_entry], pointers), shape=(n_items,) * 2)
    kept.sort_indices()
    return kept
