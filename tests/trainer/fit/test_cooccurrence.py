"""Co-occurrence against the formula, computed densely."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from scipy import sparse

from modelsystem_trainer.engines import Threads
from modelsystem_trainer.fit import Parameters, Resources, fit, portions
from modelsystem_trainer.search import GRIDS

Dense = npt.NDArray[np.float64]
sizes = st_numpy.array_shapes(min_dims=2, max_dims=2, max_side=12)
choices = st_numpy.arrays(np.bool_, sizes)


def by_exponents(a: float = 0.5, b: float = 0.7, c: float = 0.3, s: float = 1.25) -> Parameters:
    return Parameters("cooccurrence", a=a, b=b, c=c, s=s)


grid = GRIDS["cooccurrence"]
parameters = st.builds(by_exponents, **{name: st.sampled_from(grid[name]) for name in "abcs"})
any_parameters = st.builds(
    by_exponents, a=st.floats(0, 10), b=st.floats(0, 10), c=st.floats(0, 10), s=st.floats(0.01, 10)
)


def matrix(interactions: npt.ArrayLike) -> sparse.csr_array:
    return sparse.csr_array(np.asarray(interactions, np.float32))


def by_formula(interactions: npt.NDArray[np.bool_], p: Parameters) -> Dense:
    """Compute S_ij = (d_i^-b · d_j^-c · Σ_u d_u^-a x_ui x_uj)^s one entry after the other."""
    users, items = interactions.shape
    d_user, d_item = interactions.sum(axis=1), interactions.sum(axis=0)
    result = np.zeros((items, items))
    for i in range(items):
        for j in range(items):
            shared = [u for u in range(users) if interactions[u, i] and interactions[u, j]]
            if shared and i != j:
                total = sum(float(d_user[u]) ** -p.a for u in shared)
                result[i, j] = (float(d_item[i]) ** -p.b * float(d_item[j]) ** -p.c * total) ** p.s
    return result


def contents(similarity: sparse.csr_array) -> tuple[bytes, ...]:
    arrays = (similarity.indptr, similarity.indices, similarity.data)
    return tuple(array.tobytes() for array in arrays)


def rows(similarity: sparse.csr_array) -> list[tuple[npt.NDArray[np.int64], Dense]]:
    cuts = similarity.indptr[1:-1]
    return list(
        zip(np.split(similarity.indices, cuts), np.split(similarity.data, cuts), strict=True)
    )


@given(choices, parameters, st.integers(1, 13), st.sampled_from([1, 2, 4]))
def test_it_is_the_formulas_top_k(
    interactions: npt.NDArray[np.bool_], p: Parameters, neighbours: int, threads: int
) -> None:
    """Values are the formula's; each row has its K highest, the highest first."""
    expected = by_formula(interactions, p)
    similarity = fit(matrix(interactions), p, neighbours, Resources(Threads(threads)))
    assert similarity.shape == expected.shape
    assert similarity.dtype == np.float32
    for item, (indices, data) in enumerate(rows(similarity)):
        assert (
            len(set(indices)) == len(indices) == min(neighbours, np.count_nonzero(expected[item]))
        )
        np.testing.assert_allclose(data, expected[item, indices], rtol=1e-5)
        np.testing.assert_allclose(data, -np.sort(-expected[item])[: len(data)], rtol=1e-5)
        assert (np.diff(data) <= 0).all()


@given(choices, any_parameters, st.integers(1, 13))
def test_it_is_finite_and_positive(
    interactions: npt.NDArray[np.bool_], p: Parameters, neighbours: int
) -> None:
    """For any parameters: no NaN, infinity or zero, and nothing on the diagonal."""
    similarity = fit(matrix(interactions), p, neighbours)
    assert np.isfinite(similarity.data).all()
    assert (similarity.data > 0).all()
    for item, (indices, _) in enumerate(rows(similarity)):
        assert item not in indices
        assert len(indices) <= neighbours


@given(choices, parameters, st.integers(1, 13))
def test_threads_do_not_matter(
    interactions: npt.NDArray[np.bool_], p: Parameters, neighbours: int
) -> None:
    """One, two and four threads give the same bytes."""
    one, two, four = (
        contents(fit(matrix(interactions), p, neighbours, Resources(Threads(threads))))
        for threads in (1, 2, 4)
    )
    assert one == two == four


@given(choices, parameters, st.integers(1, 13), st.integers(1, 50))
def test_portions_do_not_matter(
    interactions: npt.NDArray[np.bool_], p: Parameters, neighbours: int, products: int
) -> None:
    """Many small parts change no byte."""
    whole = fit(matrix(interactions), p, neighbours)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(portions, "_COST", products)
        cut = fit(matrix(interactions), p, neighbours)
    assert contents(cut) == contents(whole)


@given(choices, st.integers(1, 13))
def test_of_equal_ones_the_more_popular_is_kept(
    interactions: npt.NDArray[np.bool_], neighbours: int
) -> None:
    """Ties at the K-th place go by popularity, then by place: the rule, entry by entry."""
    p = by_exponents(0, 0, 0, 1)
    counts, popularity = by_formula(interactions, p), interactions.sum(axis=0)
    for item, (indices, _) in enumerate(rows(fit(matrix(interactions), p, neighbours))):
        others = np.flatnonzero(counts[item])
        ranked = others[np.lexsort((others, -popularity[others], -counts[item, others]))]
        assert set(indices) == set(ranked[:neighbours])


def test_threads_do_not_matter_for_a_large_matrix() -> None:
    """The same holds for a matrix with work for all of them, and many ties at the K-th place."""
    interactions = np.random.default_rng(1).random((300, 500)) < 0.05
    one, four = (
        fit(matrix(interactions), by_exponents(0, 0, 0, 1), 10, Resources(Threads(threads)))
        for threads in (1, 4)
    )
    assert contents(one) == contents(four)


@pytest.mark.parametrize(
    "interactions",
    [
        np.zeros((3, 4)),
        np.zeros((1, 1)),
        np.ones((1, 1)),
        np.ones((5, 1)),
        np.eye(4),
    ],
    ids=["no entries", "one user, no item", "one of each", "one item", "nothing in common"],
)
def test_without_pairs_there_are_no_neighbours(interactions: Dense) -> None:
    """If no user has two items, every row is empty."""
    similarity = fit(matrix(interactions), by_exponents(), 5)
    assert similarity.nnz == 0
    assert similarity.shape == (interactions.shape[1], interactions.shape[1])


def test_the_largest_parameters_do_not_overflow() -> None:
    """Ten thousand users in common, to the tenth power, are more than a float32 holds."""
    similarity = fit(matrix(np.ones((10_000, 2))), by_exponents(0, 0, 0, 10), 5)
    assert np.isfinite(similarity.data).all()


@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_the_type_of_indices_does_not_matter(kind: type[np.signedinteger]) -> None:
    """SciPy takes 32 or 64 bits, depending on its input."""
    x = matrix(np.random.default_rng(1).random((30, 20)) < 0.3)
    x.indices, x.indptr = x.indices.astype(kind), x.indptr.astype(kind)
    usual = fit(matrix(x.toarray()), by_exponents(), 3)
    np.testing.assert_array_equal(fit(x, by_exponents(), 3).toarray(), usual.toarray())


def test_items_of_a_cluster_recommend_their_own() -> None:
    """On a checkerboard of two kinds of users and items, neighbours are of the same kind."""
    users, items = np.arange(100)[:, None], np.arange(20)
    same = users % 2 == items % 2
    interactions = np.random.default_rng(1).random((100, 20)) < np.where(same, 0.7, 0.1)
    for item, (indices, _) in enumerate(rows(fit(matrix(interactions), by_exponents(), 9))):
        assert len(indices) == 9
        assert (indices % 2 == item % 2).all()
