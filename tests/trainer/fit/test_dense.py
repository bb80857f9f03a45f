"""The dense solution against its formula, and against the neighbourhood's."""

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from scipy import sparse
from threadpoolctl import threadpool_limits

from modelsystem_trainer.fit import Parameters, dense, fit, raw, ridge

Dense = npt.NDArray[np.float64]
choices = st_numpy.arrays(np.bool_, st_numpy.array_shapes(min_dims=2, max_dims=2, max_side=12))
parameters = st.builds(
    Parameters,
    a=st.sampled_from([0.0, 0.5, 1.0]),
    lam=st.sampled_from([5.0, 80.0]),
    beta=st.sampled_from([0.0, 0.5, 1.0]),
)


def matrix(chosen: npt.ArrayLike) -> sparse.csr_array:
    return sparse.csr_array(np.asarray(chosen, np.float32))


def expected(chosen: npt.NDArray[np.bool_], p: Parameters) -> Dense:
    """Solve each item's regression on all others, item by item."""
    x = chosen.astype(float)
    d = x.sum(axis=1)
    weights = (np.maximum(d, 1) / (d[d > 0].mean() if d.any() else 1)) ** -p.a
    gram = x.T @ (weights[:, None] * x)
    g = gram.diagonal()
    ridge_on = p.lam * (g / (g[g > 0].mean() if g.any() else 1)) ** p.beta
    found = np.zeros_like(gram)
    known = np.flatnonzero(g)
    for j in known:
        c = known[known != j]
        system = gram[np.ix_(c, c)] + np.diag(ridge_on[c])
        found[c, j] = np.linalg.solve(system, gram[c, j])
    return found


@given(choices, parameters)
def test_each_column_solves_its_regression(chosen: npt.NDArray[np.bool_], p: Parameters) -> None:
    """The inverse holds the solution of every regression at once; nobody's items have none."""
    found = dense.similarities(matrix(chosen), p).toarray()
    np.testing.assert_allclose(found, expected(chosen, p), rtol=1e-5, atol=1e-6)


def test_it_is_what_the_neighbourhood_comes_to() -> None:
    """Where everything occurs with everything and all are candidates, both are the same."""
    x = matrix(np.random.default_rng(1).random((400, 30)) < 0.4)
    p = Parameters(a=0.5, lam=20)
    near = ridge.similarities(x, p, 29, 1).toarray()
    np.testing.assert_allclose(dense.similarities(x, p).toarray(), near, atol=1e-4)


def test_all_items_are_neighbours() -> None:
    """The number of neighbours does not bound it, nor changes it."""
    x = matrix(np.random.default_rng(2).random((200, 30)) < 0.3)
    found = raw(x, Parameters("dense"), 3)
    assert found.nnz == 30 * 29
    assert (found != dense.similarities(x, Parameters("dense"))).nnz == 0


def test_threads_of_blas_do_not_matter() -> None:
    """However many threads BLAS may have, the same bytes come out."""
    x = matrix(np.random.default_rng(3).random((900, 600)) < 0.05)
    found = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads):
            found.append(fit(x, Parameters("dense"), 100, threads).data.tobytes())
    assert found[0] == found[1] == found[2]


def test_a_system_that_rounding_makes_singular_is_solved() -> None:
    """Weights so large that the ridge drowns in them: finite all the same."""
    found = dense.similarities(matrix(1e9 * np.ones((20, 5))), Parameters(lam=1e-3))
    assert np.isfinite(found.data).all()
