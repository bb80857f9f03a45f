"""Neighbourhood ridge against a dense solution, one target after the other."""

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
    kernels,
    portions,
    unweighed,
    unweighed_of_each,
)
from modelsystem_trainer.fit import ridge as ridge_module
from modelsystem_trainer.search import GRIDS

Dense = npt.NDArray[np.float64]
sizes = st_numpy.array_shapes(min_dims=2, max_dims=2, max_side=12)
choices = st_numpy.arrays(np.bool_, sizes)
grid = GRIDS["ridge"]
parameters = st.builds(Parameters, a=st.sampled_from(grid["a"]), lam=st.sampled_from(grid["lam"]))
any_parameters = st.builds(
    Parameters,
    method=st.sampled_from(METHODS),
    a=st.floats(0, 10),
    lam=st.floats(0.1, 1e6),
    beta=st.floats(0, 2),
    e=st.floats(0, 2),
    b=st.floats(-10, 10),
    c=st.floats(-10, 10),
    s=st.floats(0.01, 10),
    r=st.floats(0, 2),
)


def matrix(interactions: npt.ArrayLike) -> sparse.csr_array:
    return sparse.csr_array(np.asarray(interactions, np.float32))


def gram(interactions: npt.NDArray[np.bool_], p: Parameters) -> Dense:
    """Compute G = Xᵀ diag((d_u / mean d)^-a) X."""
    x = interactions.astype(float)
    d = x.sum(axis=1)
    weights = (np.maximum(d, 1) / (d[d > 0].mean() if d.any() else 1)) ** -p.a
    return x.T @ (weights[:, None] * x)


def ridge(g: Dense, p: Parameters) -> Dense:
    """Return the diagonal λ · (g / mean g)^β."""
    diagonal = g.diagonal()
    mean = diagonal[diagonal > 0].mean() if diagonal.any() else 1.0
    return p.lam * (diagonal / mean) ** p.beta


def neighbourhood(interactions: npt.NDArray[np.bool_], p: Parameters, neighbours: int) -> Dense:
    dense: Dense = ridge_module.similarities(
        matrix(interactions), p, neighbours, Resources()
    ).toarray()
    return dense


def contents(similarity: sparse.csr_array) -> tuple[bytes, ...]:
    arrays = (similarity.indptr, similarity.indices, similarity.data)
    return tuple(array.tobytes() for array in arrays)


@given(choices, parameters)
def test_each_column_solves_its_regression(
    interactions: npt.NDArray[np.bool_], p: Parameters
) -> None:
    """If all are candidates, w solves (G[C,C] + ridge) w = G[C,j]; C: what occurs with j."""
    g = gram(interactions, p)
    solved = neighbourhood(interactions, p, 12)
    for j in range(len(g)):
        c = np.flatnonzero((g[:, j] > 0) & (np.arange(len(g)) != j))
        expected = np.linalg.solve(g[np.ix_(c, c)] + np.diag(ridge(g, p)[c]), g[c, j])
        np.testing.assert_allclose(solved[c, j], expected, rtol=2e-3, atol=2e-5)
        assert not np.delete(solved[:, j], c).any()


def test_with_all_items_as_candidates_it_is_ease() -> None:
    """If all items occur together, it is the closed form of Steck 2019."""
    interactions = np.random.default_rng(1).random((400, 30)) < 0.4
    p = Parameters(a=0.0, lam=20, beta=0.0)
    inverse = np.linalg.inv(gram(interactions, p) + 20 * np.eye(30))
    ease = -inverse / inverse.diagonal()
    np.fill_diagonal(ease, 0)
    np.testing.assert_allclose(neighbourhood(interactions, p, 29), ease, atol=1e-4)


def test_candidates_are_the_strongest() -> None:
    """With M candidates, each target has the M sources with the largest G_ij · g_i^-e."""
    interactions = np.random.default_rng(2).random((300, 40)) < 0.2
    p = Parameters(a=0.5, e=0.3)
    g = gram(interactions, p)
    key = g * np.maximum(g.diagonal(), 1e-9)[:, None] ** -p.e
    np.fill_diagonal(key, 0)
    is_neighbour = neighbourhood(interactions, p, 7) != 0
    for j in range(40):
        assert set(np.flatnonzero(is_neighbour[:, j])) == set(np.argsort(-key[:, j])[:7])


@given(choices, any_parameters, st.integers(1, 13))
def test_it_is_finite(interactions: npt.NDArray[np.bool_], p: Parameters, neighbours: int) -> None:
    """For any parameters: no NaN, no infinity, nothing on the diagonal."""
    similarity = fit(matrix(interactions), p, neighbours)
    assert similarity.dtype == np.float32
    assert np.isfinite(similarity.data).all()
    assert not similarity.diagonal().any()
    most = {"ridge": similarity.tocsc().indptr, "cooccurrence": similarity.indptr}.get(p.method)
    assert most is None or (np.diff(most) <= neighbours).all()


@pytest.mark.parametrize(
    "interactions",
    [
        np.ones((50, 8)),
        np.repeat(np.eye(8), 3, axis=0)[:, :4],
        np.tile([1, 0, 1, 1], (30, 1)),
        1e6 * np.ones((20, 5)),
    ],
    ids=["all the same", "empty rows", "duplicated users", "huge weights"],
)
def test_odd_matrices_are_finite(interactions: Dense) -> None:
    """Singular and badly scaled systems have finite solutions too."""
    assert np.isfinite(fit(matrix(interactions), Parameters(lam=5), 10).data).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("weights", [[0, 0, 0, 0.5, 2], [0]])
def test_ratings_of_zero_are_finite(method: str, weights: list[float]) -> None:
    """Items whose every interaction counts 0 have users, and no weight."""
    draw = np.random.default_rng(6)
    x = matrix(draw.random((12, 9)) < 0.4)
    x.data = draw.choice(weights, x.nnz).astype(np.float32)
    similarity = fit(x, Parameters(method, lam=0.1, beta=1.0, r=0.5), 4)
    assert np.isfinite(similarity.data).all()
    assert not similarity.diagonal().any()


@given(choices, parameters, st.integers(1, 13))
def test_threads_do_not_matter(
    interactions: npt.NDArray[np.bool_], p: Parameters, neighbours: int
) -> None:
    """One, two and four threads give the same bytes."""
    x = matrix(interactions)
    one, two, four = (
        contents(fit(x, p, neighbours, Resources(Threads(threads)))) for threads in (1, 2, 4)
    )
    assert one == two == four


def test_threads_do_not_matter_for_a_large_matrix() -> None:
    """The same holds for a matrix with work for all threads."""
    x = matrix(np.random.default_rng(3).random((500, 1500)) < 0.02)
    one, two, four = (
        contents(fit(x, Parameters(), 40, Resources(Threads(threads)))) for threads in (1, 2, 4)
    )
    assert one == two == four


def test_rows_are_strongest_first() -> None:
    """A row begins with the largest similarity."""
    similarity = fit(matrix(np.random.default_rng(4).random((200, 50)) < 0.2), Parameters(), 10)
    for row in range(50):
        part = similarity.data[similarity.indptr[row] : similarity.indptr[row + 1]]
        assert (np.diff(part) <= 0).all()


def test_more_neighbours_than_items_are_all_of_them() -> None:
    """No memory is kept for more neighbours than there are items."""
    x = matrix(np.random.default_rng(5).random((60, 12)) < 0.4)
    most, all_of_them = (
        ridge_module.similarities(x, Parameters(), k, Resources()) for k in (10_000, 12)
    )
    assert contents(most) == contents(all_of_them)


@given(choices, parameters, st.integers(1, 13), st.integers(1, 13), st.integers(0, 13))
def test_blocks_and_portions_do_not_matter(
    interactions: npt.NDArray[np.bool_], p: Parameters, neighbours: int, size: int, side: int
) -> None:
    """Any number of targets in a block, rows in the head and products in a portion: same bytes."""
    x = matrix(interactions)
    usual = contents(ridge_module.similarities(x, p, neighbours, Resources()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ridge_module, "_targets", lambda *_: size)
        patch.setattr(ridge_module, "_MOST_HEAD", side)
        patch.setattr(ridge_module, "_HEAD_SHARE", 1)
        patch.setattr(portions, "_COST", 3 * size)
        other = contents(ridge_module.similarities(x, p, neighbours, Resources()))
    assert other == usual


def test_engines_and_budgets_do_not_matter(tmp_path: Path) -> None:
    """Processes give the bytes of threads, and so does hardly any memory; the folder is empty."""
    x = matrix(np.random.default_rng(7).random((400, 1200)) < 0.02)
    usual = contents(fit(x, Parameters(), 40))
    for memory in (0, 300 << 20, 1 << 40):
        assert contents(fit(x, Parameters(), 40, Resources(Threads(2), tmp_path, memory))) == usual
    with started("processes", 2, tmp_path) as engine:
        assert contents(fit(x, Parameters(), 40, Resources(engine, tmp_path))) == usual
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends a fit, its folder of parts is gone."""

    def fail(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(kernels, "gather", fail)
    with pytest.raises(OSError, match="no space"):
        fit(matrix(np.ones((9, 5))), Parameters(), 3, Resources(folder=tmp_path))
    assert not list(tmp_path.iterdir())


@given(choices, st.integers(1, 13))
def test_of_equal_candidates_the_more_popular_is_taken(
    interactions: npt.NDArray[np.bool_], neighbours: int
) -> None:
    """Ties at the M-th place go by popularity, then by place: the rule, target by target."""
    counts = interactions.T.astype(int) @ interactions
    solved = neighbourhood(interactions, Parameters(a=0.0, e=0.0, lam=1e6), neighbours)
    for target in range(len(counts)):
        others = np.flatnonzero(np.where(np.arange(len(counts)) == target, 0, counts[target]))
        popularity = counts.diagonal()[others]
        ranked = others[np.lexsort((others, -popularity, -counts[target, others]))]
        assert set(np.flatnonzero(solved[:, target])) == set(ranked[:neighbours])


@given(st.lists(st.integers(0, 30), max_size=30))
def test_the_walk_goes_depth_first(numbers: list[int]) -> None:
    """Each node once, a parent before its children, and a subtree in one piece."""
    parents = np.array([number % (node + 1) - 1 for node, number in enumerate(numbers)], np.int64)
    walk = np.empty(len(parents), np.int64)
    kernels.preorder(parents, walk)
    assert sorted(walk) == list(range(len(parents)))
    place = np.argsort(walk)
    assert all(place[parent] < place[node] for node, parent in enumerate(parents) if parent >= 0)

    def subtree(node: int) -> set[int]:
        children = np.flatnonzero(parents == node)
        return {node}.union(*(subtree(int(child)) for child in children))

    for node in range(len(parents)):
        nodes = subtree(node)
        assert set(walk[place[node] : place[node] + len(nodes)].tolist()) == nodes


@pytest.mark.parametrize("method", METHODS)
def test_fits_of_a_family_are_those_made_alone(method: str) -> None:
    """Several λ and β at once give the same bytes as one after the other."""
    x = matrix(np.random.default_rng(4).random((300, 60)) < 0.1)
    family = [Parameters(method, lam=lam, beta=beta) for lam, beta in ((5, 0.5), (80, 1), (9, 0))]
    assert len({p.of_family for p in family}) == 1
    for p, together in zip(family, unweighed_of_each(x, family, 20, Resources()), strict=True):
        alone = unweighed(x, p, 20, Resources()).toarray()
        both = together if isinstance(together, np.ndarray) else together.toarray()
        assert both.tobytes() == alone.tobytes()
