"""No matrix of finite weights makes a fit or the basis return what is not finite."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from scipy import sparse

from modelsystem_trainer.fit import METHODS, Parameters, fit, lowrank, unweighed_of_each

Dense = npt.NDArray[np.floating]
SOME = np.random.default_rng(1).random((12, 9)) < 0.4
SCALES = [0.0, 1e-40, 1e-30, 1e-12, 1.0, 1e7, 1e12, 1e15]  # 1e-40 is no normal float32
TERMS = [{"w": 0.0}, {"w": 1.0, "rank": 64, "r": 0.5}, {"w": 8.0, "rank": 1, "h": 2.0, "s": 3.0}]


def matrix(weights: npt.ArrayLike) -> sparse.csr_array:
    return sparse.csr_array(np.asarray(weights, np.float32))


def weighted(choices: npt.NDArray[np.bool_], weights: list[float]) -> sparse.csr_array:
    """Give the pairs of `choices` weights by turns; a weight of 0 remains a pair."""
    x = matrix(choices)
    x.data = np.resize(np.array(weights, np.float32), x.nnz)
    return x


def without(choices: npt.NDArray[np.bool_], axis: int) -> npt.NDArray[np.bool_]:
    """Take all from every other user (0) or item (1)."""
    is_kept = np.arange(choices.shape[axis]) % 2 == 1
    return choices & (is_kept[:, None] if axis == 0 else is_kept)


MATRICES = {
    "no users": matrix(np.zeros((0, 5))),
    "no items": matrix(np.zeros((5, 0))),
    "nothing at all": matrix(np.zeros((0, 0))),
    "one pair": matrix(np.eye(1)),
    "one pair among others": matrix(np.eye(1, 6)),
    "one column": matrix(np.ones((6, 1))),
    "one row": matrix(np.ones((1, 6))),
    "two strangers": matrix(np.eye(2)),
    "empty users": matrix(without(SOME, 0)),
    "empty items": matrix(without(SOME, 1)),
    "duplicate columns": matrix(SOME[:, [0, 0, 0, 1, 1, 2]]),
    "all weights 3": weighted(SOME, [3]),
    "weights of 0": weighted(SOME, [0]),
    "tiny weights": weighted(SOME, [1e-12]),
    "denormal weights": weighted(SOME, [1e-40]),
    "huge weights": weighted(SOME, [1e12]),
    "tiny and huge weights": weighted(SOME, [1e-12, 1, 1e12]),
    "tinier and larger weights": weighted(SOME, [1e-30, 1e15, 1e15]),
    "huge duplicate columns": weighted(SOME[:, [0, 0, 0, 1, 1, 2]], [1e12]),
    "one outlier": weighted(SOME, [1e7, *[1] * 40]),
}


def check(x: sparse.csr_array, p: Parameters, neighbours: int) -> None:
    """Refuse NaN, infinities, and entries on the diagonal."""
    similarity = fit(x, replace(p, neighbours=neighbours), neighbours)
    assert similarity.shape == (x.shape[1], x.shape[1])
    assert np.isfinite(similarity.data).all()
    assert not similarity.diagonal().any()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", MATRICES)
def test_a_fit_is_finite(name: str, method: str) -> None:
    """With and without the low-rank term, of more directions than the matrix has."""
    for term in TERMS:
        for lam, beta in ((0.1, 1.0), (1e5, 0.0)):
            check(MATRICES[name], Parameters(method, lam=lam, beta=beta, **term), 5)  # type: ignore[arg-type]  # of the fields' types


@pytest.mark.parametrize("method", METHODS)
def test_fits_of_a_family_are_finite(method: str) -> None:
    """A search fits several λ at once, a dense one as arrays."""
    family = [Parameters(method, lam=lam) for lam in (0.1, 1e5)]
    for x in MATRICES.values():
        for similarity in unweighed_of_each(x, family, 5):
            values = similarity if isinstance(similarity, np.ndarray) else similarity.data
            assert np.isfinite(values).all()


@pytest.mark.parametrize("name", MATRICES)
def test_the_basis_is_finite(name: str) -> None:
    """It is orthonormal, and has at most as many vectors as there are users or items."""
    vectors = lowrank.basis(MATRICES[name])
    assert np.isfinite(vectors).all()
    assert vectors.shape[1] <= min(MATRICES[name].shape)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(vectors.shape[1]), atol=1e-6)


@settings(max_examples=60)
@given(
    st_numpy.arrays(np.bool_, st_numpy.array_shapes(min_dims=2, max_dims=2, max_side=8)),
    st.lists(st.sampled_from(SCALES), min_size=1, max_size=4),
    st.sampled_from(METHODS),
    st.sampled_from(TERMS),
    st.integers(1, 9),
)
def test_weights_of_any_size_are_finite(
    choices: npt.NDArray[np.bool_],
    weights: list[float],
    method: str,
    term: dict[str, float],
    neighbours: int,
) -> None:
    """From nothing to what float32 can just hold the square of."""
    check(weighted(choices, weights), Parameters(method, lam=1.0, **term), neighbours)  # type: ignore[arg-type]  # as above
