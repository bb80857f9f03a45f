"""Small systems of equations solved by the ridge's kernel and by LAPACK: µs each, on one core.

The two take turns on the same systems. Ours fills a square from a triangle before each; LAPACK
(`sposv` of SciPy's OpenBLAS) gets a copy of a square. Figures are medians of the rounds.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.linalg import lapack
from threadpoolctl import threadpool_limits

from modelsystem_trainer.fit import kernels

SIZES = (50, 100, 200)
SYSTEMS = 300
Floats = npt.NDArray[np.float32]


def main() -> None:
    """Compare them for each size."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    print("| unknowns | ours | LAPACK | ratio |\n| ---: | ---: | ---: | ---: |")
    for size in SIZES:
        a, b = system(size)
        np.testing.assert_allclose(ours(a, b)()[0], lapacks(a, b)()[0], rtol=1e-3, atol=1e-5)
        with threadpool_limits(1):
            pairs = [(seconds(ours(a, b)), seconds(lapacks(a, b))) for _ in range(rounds)]
        mine, theirs = np.median(pairs, axis=0) / SYSTEMS * 1e6
        print(f"| {size} | {mine:.1f} µs | {theirs:.1f} µs | {mine / theirs:.2f} |")


def system(size: int) -> tuple[Floats, Floats]:
    """Return a matrix as a ridge has them, and the right-hand sides of all systems."""
    rng = np.random.default_rng(1)
    x = rng.random((2000, size), dtype=np.float32) * (rng.random((2000, size)) < 0.1)
    a = (x.T @ x + 5 * np.eye(size)).astype(np.float32, order="F")
    return a, rng.random((SYSTEMS, size), dtype=np.float32)


def ours(a: Floats, b: Floats) -> Callable[[], Floats]:
    """Return a function that solves all systems once, by our kernel."""
    triangles = np.tile(a[np.tril_indices(len(a), -1)], (SYSTEMS, 1))
    candidates = np.tile(np.arange(len(a), dtype=np.int32), (SYSTEMS, 1))
    counts, solved = np.full(SYSTEMS, len(a), np.int32), b.copy()

    def solve() -> Floats:
        kernels.solve(triangles, candidates, counts, solved, np.diag(a).copy())
        return solved

    return solve


def lapacks(a: Floats, b: Floats) -> Callable[[], Floats]:
    """Return a function that solves all systems once, by LAPACK."""
    matrices = [a.copy(order="F") for _ in range(SYSTEMS)]
    solved = np.empty_like(b)

    def solve() -> Floats:
        for number, matrix in enumerate(matrices):
            copy = matrix.copy(order="F")
            _, solved[number], _ = lapack.sposv(copy, b[number], lower=1, overwrite_a=1)
        return solved

    return solve


def seconds(solve: Callable[[], Floats]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    solve()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
