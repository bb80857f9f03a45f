"""The solution of many small systems in one call."""

import numpy as np

from modelsystem_trainer.fit import kernels

MOST = 41  # beyond two vectors of 16, and five blocks of 8


def systems(sizes: list[int]) -> tuple[np.ndarray, ...]:
    """Return the arrays that `solve` takes; what it must not read is NaN."""
    rng = np.random.default_rng(1)
    x = rng.random((200, MOST)) * (rng.random((200, MOST)) < 0.3)
    g = (x.T @ x).astype(np.float32)
    triangle = g[np.tril_indices(MOST, -1)]
    triangles = np.full((len(sizes), len(triangle)), np.nan, np.float32)
    weights = np.full((len(sizes), MOST), np.nan, np.float32)
    for t, m in enumerate(sizes):
        triangles[t, : m * (m - 1) // 2] = triangle[: m * (m - 1) // 2]
        weights[t, :m] = rng.random(m)
    candidates = np.tile(np.arange(MOST, dtype=np.int32), (len(sizes), 1))
    counts = np.array(sizes, np.int32)
    return triangles, candidates, counts, weights, np.diag(g) + np.float32(0.5)


def test_systems_of_all_sizes_are_solved() -> None:
    """In one call, so that each finds what larger and smaller ones have left."""
    sizes = [MOST, *range(MOST + 1), *range(MOST, -1, -1)]
    triangles, candidates, counts, weights, diagonal = systems(sizes)
    solved = weights.copy()
    kernels.solve(triangles, candidates, counts, solved, diagonal)
    a = np.zeros((MOST, MOST))
    a[np.tril_indices(MOST, -1)] = triangles[0]
    a += a.T + np.diag(diagonal)
    for t, m in enumerate(sizes):
        expected = np.linalg.solve(a[:m, :m], weights[t, :m])
        np.testing.assert_allclose(solved[t, :m], expected, rtol=1e-3, atol=1e-5)
        assert np.isnan(solved[t, m:]).all()


def test_a_system_has_no_effect_on_the_next() -> None:
    """Nor has one of NaN, which has no solution; all bits are those of a system alone."""
    sizes = [MOST, 17, 16, 9, 40, 1, 33]
    triangles, candidates, counts, weights, diagonal = systems(sizes)
    triangles[0] = weights[0] = np.nan
    together = weights.copy()
    kernels.solve(triangles, candidates, counts, together, diagonal)
    for t in range(1, len(sizes)):
        one = slice(t, t + 1)
        alone = weights[one].copy()
        kernels.solve(triangles[one], candidates[one], counts[one], alone, diagonal)
        assert alone.tobytes() == together[one].tobytes()
