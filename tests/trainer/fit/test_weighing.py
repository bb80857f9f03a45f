"""Weighing against its formula."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from scipy import sparse

from modelsystem_trainer.fit import Parameters, Weigher
from modelsystem_trainer.fit.weighing import degrees, weigh

shapes = st.integers(1, 8).map(lambda n: (n, n))
values = st.sampled_from([-0.5, -0.01, 0.0, 0.02, 0.3, 1.0, 7.0])


@given(
    st_numpy.arrays(np.float32, shapes, elements=values),
    st.builds(
        Parameters,
        b=st.floats(-1, 1),
        c=st.floats(-1, 1),
        s=st.floats(0.5, 2),
        r=st.sampled_from([0.0, 0.5, 1.0]),
    ),
)
def test_it_is_the_formula(similarity: np.ndarray, p: Parameters) -> None:
    """S_ij = v_ij / ‖v_i‖^r with v_ij = sign(w_ij) · (|w_ij| · d_i^-b · d_j^-c)^s."""
    d = np.arange(1, len(similarity) + 1, dtype=np.float32) ** 2
    v = np.sign(similarity) * (np.abs(similarity) * d[:, None] ** -p.b * d[None, :] ** -p.c) ** p.s
    norms = np.linalg.norm(v, axis=1, keepdims=True)
    expected = v / np.where(norms > 0, norms, 1) ** p.r
    weighed = weigh(sparse.csr_array(similarity), d, p, p.c, 1).toarray()
    np.testing.assert_allclose(weighed, expected, rtol=1e-4, atol=1e-7)
    for threads in (1, 2):
        dense = Weigher(similarity, d).weighed(p, threads)
        np.testing.assert_allclose(dense, expected, rtol=1e-3, atol=1e-6)


def test_threads_do_not_matter() -> None:
    """For a matrix of many portions; each row is weighed once."""
    similarity = sparse.random_array((3000, 3000), density=0.03, rng=1, dtype=np.float32).tocsr()
    d = np.arange(1, 3001, dtype=np.float32)
    p = Parameters(b=0.2, c=0.1, s=1.2, r=0.5)
    one, two, many = (weigh(similarity, d, p, p.c, threads) for threads in (1, 2, 7))
    assert one.data.all()
    assert one.data.tobytes() == two.data.tobytes() == many.data.tobytes()


def test_weighing_a_dense_matrix_is_finite() -> None:
    """Its values can be as large as float32 has them, or 0 in a whole row."""
    similarity = np.array([[0, 3e38, -3e38], [0, 0, 0], [1e-38, -0.0, 0]], np.float32)
    for s, r in ((0.8, 1.0), (1.8, 0.0), (1.8, 1.0)):
        weighed = Weigher(similarity, np.full(3, 1e6, np.float32)).weighed(
            Parameters(b=-0.4, c=-0.4, s=s, r=r), 1
        )
        assert np.isfinite(weighed).all()
        assert not weighed[similarity == 0].any()


def test_degrees_are_numbers_of_users() -> None:
    """An item's degree is its number of users, whatever the weights are."""
    x = sparse.csr_array(np.array([[2.0, 0, 1], [5, 0, 0]], np.float32))
    assert degrees(x).tolist() == [2, 0, 1]
