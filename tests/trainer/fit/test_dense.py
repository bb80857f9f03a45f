"""The dense solution against its formula, and against `ridge`."""

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from scipy import sparse
from threadpoolctl import threadpool_limits

from modelsystem_trainer.engines import Threads
from modelsystem_trainer.fit import Parameters, Resources, dense, fit, ridge, unweighed

Dense = npt.NDArray[np.float64]
choices = st_numpy.arrays(np.bool_, st_numpy.array_shapes(min_dims=2, max_dims=2, max_side=12))
parameters = st.builds(
    Parameters,
    a=st.sampled_from([0.0, 0.5, 1.0]),
    lam=st.sampled_from([5.0, 80.0]),
    beta=st.sampled_from([0.0, 0.5, 1.0]),
)


def matrix(interactions: npt.ArrayLike) -> sparse.csr_array:
    return sparse.csr_array(np.asarray(interactions, np.float32))


def expected(interactions: npt.NDArray[np.bool_], p: Parameters) -> Dense:
    """Solve each item's regression on all others, item by item."""
    x = interactions.astype(float)
    d = x.sum(axis=1)
    weights = (np.maximum(d, 1) / (d[d > 0].mean() if d.any() else 1)) ** -p.a
    gram = x.T @ (weights[:, None] * x)
    g = gram.diagonal()
    ridge_on = p.lam * (g / (g[g > 0].mean() if g.any() else 1)) ** p.beta
    solved = np.zeros_like(gram)
    known = np.flatnonzero(g)
    for j in known:
        c = known[known != j]
        system = gram[np.ix_(c, c)] + np.diag(ridge_on[c])
        solved[c, j] = np.linalg.solve(system, gram[c, j])
    return solved


@given(choices, parameters)
def test_each_column_solves_its_regression(
    interactions: npt.NDArray[np.bool_], p: Parameters
) -> None:
    """The inverse holds every regression's solution; an item without users has none."""
    solved = dense.similarities(matrix(interactions), p).toarray()
    np.testing.assert_allclose(solved, expected(interactions, p), rtol=1e-5, atol=1e-6)


def test_it_equals_ridge_with_all_candidates() -> None:
    """If all items occur together and all are candidates, both are the same."""
    x = matrix(np.random.default_rng(1).random((400, 30)) < 0.4)
    p = Parameters(a=0.5, lam=20)
    near = ridge.similarities(x, p, 29, Resources()).toarray()
    np.testing.assert_allclose(dense.similarities(x, p).toarray(), near, atol=1e-4)


def test_all_items_are_neighbours() -> None:
    """The number of neighbours has no effect."""
    x = matrix(np.random.default_rng(2).random((200, 30)) < 0.3)
    similarity = unweighed(x, Parameters("dense"), 3)
    assert similarity.nnz == 30 * 29
    assert (similarity != dense.similarities(x, Parameters("dense"))).nnz == 0


def test_threads_of_blas_do_not_matter() -> None:
    """Any number of BLAS threads gives the same bytes."""
    x = matrix(np.random.default_rng(3).random((900, 600)) < 0.05)
    results = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads):
            results.append(
                fit(x, Parameters("dense"), 100, Resources(Threads(threads))).data.tobytes()
            )
    assert results[0] == results[1] == results[2]


def test_a_system_that_rounding_makes_singular_is_solved() -> None:
    """The result is finite also if the ridge is lost in rounding."""
    solved = dense.similarities(matrix(1e9 * np.ones((20, 5))), Parameters(lam=1e-3))
    assert np.isfinite(solved.data).all()
