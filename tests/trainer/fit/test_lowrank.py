"""The low-rank term against its formula, computed densely."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from scipy import sparse

from modelsystem_trainer.engines import Threads, started
from modelsystem_trainer.fit import (
    METHODS,
    Parameters,
    Resources,
    fit,
    lowrank,
    unweighed,
    weighed,
)

Dense = npt.NDArray[np.float64]
choices = st_numpy.arrays(np.bool_, st_numpy.array_shapes(min_dims=2, max_dims=2, max_side=12))
terms = st.builds(
    Parameters,
    method=st.sampled_from(METHODS),
    w=st.sampled_from([0.25, 1.0, 8.0]),
    rank=st.sampled_from([1, 2, 64]),
    h=st.sampled_from([0.0, 0.5, 2.0]),
)


def matrix(interactions: npt.ArrayLike) -> sparse.csr_array:
    return sparse.csr_array(np.asarray(interactions, np.float32))


def random_matrix(users: int, items: int, share: float, seed: int = 1) -> sparse.csr_array:
    return matrix(np.random.default_rng(seed).random((users, items)) < share)


def normalised(x: sparse.csr_array) -> Dense:
    dense = x.toarray().astype(float)
    users, items = dense.sum(axis=1, keepdims=True), dense.sum(axis=0)
    return dense / np.sqrt(np.maximum(users, 1) * np.maximum(items, 1))


@pytest.mark.parametrize("items", [40, 300])  # solved as a whole, and by Lanczos
def test_the_basis_are_the_leading_singular_vectors(items: int) -> None:
    """V Vᵀ is the projection that a full decomposition gives."""
    x = random_matrix(400, items, 0.1)
    vectors = lowrank.basis(x)[:, :8]
    _, _, full = np.linalg.svd(normalised(x))
    np.testing.assert_allclose(vectors @ vectors.T, full[:8].T @ full[:8], atol=1e-5)


def test_the_term_is_the_formula() -> None:
    """L = diag(n^-h) V Vᵀ diag(n^h), and both terms have the same mean |score|, times w."""
    x = random_matrix(200, 30, 0.2)
    p = Parameters("dense", w=2.0, rank=5, h=0.5)
    similarity = weighed(x, unweighed(x, p, 30), p, 1)
    vectors = lowrank.basis(x)
    term = lowrank.term(x, vectors, similarity, p)
    kept, n = vectors[:, :5], x.toarray().sum(axis=0)
    expected = n[:, None] ** -0.5 * (kept @ kept.T) * n**0.5
    scores = np.abs(x @ similarity.toarray()).mean() / np.abs(x @ expected).mean()
    np.testing.assert_allclose(term.left @ term.right.T, 2 * scores * expected, rtol=1e-4)


@pytest.mark.parametrize("most_targets", [1_000, 13])
def test_each_source_keeps_its_strongest(
    monkeypatch: pytest.MonkeyPatch, most_targets: int
) -> None:
    """The kept entries are the largest |W + L|; outside the head only entries of W can be."""
    monkeypatch.setattr(lowrank, "MOST_TARGETS", most_targets)
    x = random_matrix(300, 50, 0.1)
    p = Parameters(w=1.0, rank=4, neighbours=7)
    similarity = weighed(x, unweighed(x, p, 7), p, 1)
    term = lowrank.term(x, lowrank.basis(x), similarity, p)
    total = similarity.toarray() + term.left @ term.right.T
    np.fill_diagonal(total, 0)
    head = np.argsort(-(term.right**2).sum(axis=1))[:most_targets]
    may = (similarity.toarray() != 0) | np.isin(np.arange(50), head)
    kept = lowrank.added(similarity, term, p).toarray()
    for i, row in enumerate(np.where(may, total, 0)):
        size = max(7, int(np.diff(similarity.indptr)[i]))
        strongest = np.argsort(-np.abs(row), kind="stable")[:size]
        assert set(np.flatnonzero(kept[i])) == set(strongest[row[strongest] != 0])
        np.testing.assert_allclose(kept[i, strongest], row[strongest], rtol=1e-3, atol=1e-7)


def test_a_dense_model_keeps_all() -> None:
    """Then every pair of items with interactions has an entry."""
    similarity = fit(random_matrix(200, 30, 0.2), Parameters("dense", w=1.0), 1)
    assert np.diff(similarity.indptr).tolist() == [29] * 30


def test_rows_can_be_made_alone() -> None:
    """Some sources' rows are those of the whole; the others are empty."""
    x = random_matrix(300, 50, 0.1)
    p = Parameters(w=1.0, neighbours=7)
    similarity = weighed(x, unweighed(x, p, 7), p, 1)
    term = lowrank.term(x, lowrank.basis(x), similarity, p)
    sources = np.array([3, 20, 49])
    part = lowrank.added(similarity, term, p, sources=sources).toarray()
    whole = lowrank.added(similarity, term, p).toarray()
    np.testing.assert_array_equal(part[sources], whole[sources])
    assert not np.delete(part, sources, axis=0).any()


@given(choices, terms, st.integers(1, 13))
def test_it_is_finite(interactions: npt.NDArray[np.bool_], p: Parameters, neighbours: int) -> None:
    """For any matrix: no NaN, no infinity, nothing on the diagonal, no entry of 0."""
    similarity = fit(matrix(interactions), replace(p, neighbours=neighbours), neighbours)
    assert np.isfinite(similarity.data).all()
    assert (similarity.data != 0).all()
    assert not similarity.diagonal().any()


@pytest.mark.parametrize(
    "interactions",
    [
        np.ones((50, 300)),
        np.repeat(np.eye(300), 3, axis=0),
        np.zeros((5, 300)),
        np.eye(1, 300),
        np.kron(np.eye(6), np.ones((4, 50))),
    ],
    ids=["all the same", "nothing in common", "nothing", "one entry", "equal blocks"],
)
def test_the_basis_of_odd_matrices_is_finite(interactions: Dense) -> None:
    """Equal eigenvalues, and matrices of rank 0 and 1, have an orthonormal basis too."""
    vectors = lowrank.basis(matrix(interactions))
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(vectors.shape[1]), atol=1e-6)


def test_workers_do_not_matter(tmp_path: Path) -> None:
    """One, two and four threads and two processes give the same bytes, basis included."""
    x = random_matrix(400, 1_500, 0.02)
    p = Parameters(w=1.0, neighbours=20)
    one, two, four = (fit(x, p, 20, Resources(Threads(n))) for n in (1, 2, 4))
    with started("processes", 2, tmp_path) as engine:
        by_processes = fit(x, p, 20, Resources(engine, tmp_path))
    assert not list(tmp_path.iterdir())
    for other in (two, four, by_processes):
        assert one.data.tobytes() == other.data.tobytes()
        assert one.indices.tobytes() == other.indices.tobytes()
