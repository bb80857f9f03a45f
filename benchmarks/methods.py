"""Every method of the comparison: how it is fitted, what it serves from, how it scores.

Parameters of the peers were chosen like ours, on a part of the train part, never on the test part.
Only its own method imports a peer's library: if it is missing, the others still run.
"""

# ruff: noqa: PLC0415  # as the line above says

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.linalg import lapack

from choosing import Choice, Value, choose
from lists import Scores
from modelsystem_shared.numeric.arrays import Array, Float32s, Indices

THREADS = len(os.sched_getaffinity(0))
TRAINER = Path(sys.executable).parent / "modelsystem-trainer"


@dataclass(frozen=True)
class Fitted:
    """`arrays`: what a server holds besides the users' histories."""

    arrays: Sequence[Array]
    scores: Scores


Sparse = sparse.csr_matrix | sparse.csr_array
Fit = Callable[[sparse.csr_matrix], Fitted]


@dataclass(frozen=True)
class Method:
    """A fit with its parameters, and whether its threads are those of BLAS."""

    fit: Fit
    uses_blas: bool = False

    @property
    def environ(self) -> dict[str, str]:
        """Give the method all cores once: by its own threads or by those of BLAS."""
        return {"OPENBLAS_NUM_THREADS": str(THREADS if self.uses_blas else 1)}


@dataclass(frozen=True)
class Searched:
    """A fit whose parameters are chosen from a grid, on a part of the train part, before its time.

    most_items: with more, its dense matrix does not fit, and it is left out; None: no limit.
    """

    fit: Callable[..., Fitted]
    grid: Mapping[str, Sequence[Value]]
    most_items: int | None = None
    uses_blas: bool = False

    @property
    def environ(self) -> dict[str, str]:
        """As those of a method."""
        return Method(self.fit, self.uses_blas).environ

    def best(
        self, train: sparse.csr_matrix, validation: sparse.csr_matrix
    ) -> tuple[Method, Choice]:
        """Return the method with its best parameters."""

        def scores_of(kept: sparse.csr_matrix, point: dict[str, Value]) -> Scores:
            return self.fit(kept, **point).scores

        choice = choose(scores_of, self.grid, train, validation)
        return Method(partial(self.fit, **choice.parameters), self.uses_blas), choice


@dataclass(frozen=True)
class Training:
    """The whole program, with its search, as people run it."""

    neighbours: int

    @property
    def environ(self) -> dict[str, str]:
        """Set K, and leave the rest to the defaults."""
        return {"NEIGHBOURS": str(self.neighbours)}


def popularity(x: sparse.csr_matrix) -> Fitted:
    """Score an item by its users."""
    counts = np.bincount(x.indices, minlength=x.shape[1]).astype(np.float32)
    return Fitted([counts], lambda users: np.tile(counts, (len(users), 1)))


def als(x: sparse.csr_matrix, factors: int, regularization: float, alpha: float) -> Fitted:
    """Factorise by alternating least squares (Hu, Koren and Volinsky 2008), 15 iterations."""
    from implicit.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(
        factors, regularization, alpha, iterations=15, num_threads=THREADS, random_state=0
    )
    model.fit(x, show_progress=False)
    user, item = model.user_factors, model.item_factors
    return Fitted([user, item], lambda users: user[users] @ item.T)


def bm25(x: sparse.csr_matrix, neighbours: int, k1: float, b: float) -> Fitted:
    """Compare items by their users, weighted with BM25."""
    from implicit.nearest_neighbours import BM25Recommender

    model = BM25Recommender(neighbours, K1=k1, B=b, num_threads=THREADS)
    model.fit(x, show_progress=False)
    return _item_to_item(x, model.similarity)


def ease(x: sparse.csr_matrix, regularization: float) -> Fitted:
    """Regress each item on all others in closed form (Steck 2019), dense."""
    gram = (x.T @ x).toarray(order="F")
    gram[np.diag_indices_from(gram)] += regularization
    factor, _ = lapack.spotrf(gram, overwrite_a=True)
    inverse, _ = lapack.spotri(factor, overwrite_c=True)  # the upper triangle only
    weights = np.triu(inverse, 1)
    weights += weights.T
    weights /= -np.diag(inverse)
    return Fitted([weights], lambda users: np.asarray(x[users] @ weights))


def turbo_cf(x: sparse.csr_matrix, alpha: float, power: float, order: str) -> Fitted:
    """Filter a user's items on the graph of items (Park, Shin and Shin, SIGIR 2024): Turbo-CF.

    With R = D_u^-alpha X D_i^(alpha-1) and P = (RᵀR)^power, entry by entry, a user's scores are
    x · f(P). The filters f of the paper are low-pass polynomials of the first three orders.
    """
    users, items = (np.maximum(x.sum(axis=axis).A1, 1) for axis in (1, 0))
    scaled = sparse.diags(users**-alpha) @ x @ sparse.diags(items ** (alpha - 1))
    graph = (scaled.T @ scaled).astype(np.float32).toarray()
    np.power(graph, np.float32(power), out=graph)

    def scores(users: Indices) -> Float32s:
        once: Float32s = np.asarray(x[users] @ graph)
        if order == "linear":
            return once
        twice: Float32s = once @ graph
        second: Float32s = 2 * once - twice
        if order == "second":
            return second
        third: Float32s = once + 0.01 * (10 * twice - twice @ graph - 29 * once)
        return third

    return Fitted([graph], scores)


def sansa(x: sparse.csr_matrix, l2: float, density: float, *, exact: bool) -> Fitted:
    """Approximate EASE by sparse factors (Spišák et al. 2023).

    exact: factorise exactly, then sparsify: for a small catalogue.
    """
    import sansa as library

    factorizer = (
        library.CHOLMODGramianFactorizerConfig if exact else library.ICFGramianFactorizerConfig
    )
    inverter = library.UMRUnitLowerTriangleInverterConfig(scans=1, finetune_steps=10)
    model = library.SANSA(library.SANSAConfig(l2, density, factorizer(), inverter))
    left, right = model.fit(x).weights
    return Fitted([*_parts(left), *_parts(right)], lambda users: x[users] @ left @ right)


def ours(x: sparse.csr_matrix, parameters: str, neighbours: int) -> Fitted:
    """Fit our model with given parameters: the one place that knows the trainer's `fit`."""
    from modelsystem_trainer.engines import Threads
    from modelsystem_trainer.fit import Parameters, Resources, fit

    resources = Resources(Threads(THREADS))
    similarity = fit(sparse.csr_array(x), Parameters.parse(parameters), neighbours, resources)
    return _item_to_item(x, similarity)


def run_trainer(export: Path, model: Path) -> None:
    """Train as people do; settings come from the environment."""
    variables = {"CSV_FOLDER": str(export), "MODELFOLDER": str(model), "BUILDNUMBER": "benchmark"}
    subprocess.run([TRAINER], env=os.environ | variables, check=True)


def published(model: Path, users: npt.NDArray[np.str_], items: npt.NDArray[np.str_]) -> Fitted:
    """Open the model that a training published: the one place that knows its files."""
    from modelsystem_shared import folder
    from modelsystem_shared.numeric.model import Rows, Strings, arrays, load

    def places(ids: Strings, among: npt.NDArray[np.str_]) -> npt.NDArray[np.intp]:
        return np.searchsorted(among, np.array([ids[n] for n in range(len(ids))]))

    opened = load(folder.published(model).attempt)
    column, row = places(opened.items, items), places(opened.users, users)

    def matrix(rows: Rows, values: Float32s, row: Indices, height: int) -> sparse.csr_matrix:
        of = np.repeat(row, np.diff(rows.ends, prepend=0))
        shape = (height, len(items))
        return sparse.csr_matrix((values, (of, column[rows.indices])), shape=shape)

    similarity = matrix(opened.similar, opened.similarity, column, len(items))
    history = matrix(opened.history, opened.confidence, row, len(users))
    parts = [array for _, array in arrays(opened)]
    return Fitted(parts, _item_to_item(history, similarity).scores)


def _item_to_item(x: sparse.csr_matrix, similarity: Sparse) -> Fitted:
    def scores(users: Indices) -> sparse.csr_matrix:
        return sparse.csr_matrix(x[users] @ similarity)

    return Fitted(_parts(similarity), scores)


def _parts(matrix: Sparse) -> list[Array]:
    """Return the arrays of a sparse matrix; its indices fit into 32 bits."""
    return [matrix.data, matrix.indices.astype(np.int32), matrix.indptr]


Entrant = Method | Searched | Training
_MOST_DENSE = 12_000  # items: 576 MB in float32, twice while it is inverted
_DENSE: dict[str, Entrant] = {
    "EASE": Searched(
        ease, {"regularization": (30, 100, 300, 1_000, 3_000)}, _MOST_DENSE, uses_blas=True
    ),
    "Turbo-CF": Searched(
        turbo_cf,
        {
            "alpha": (0.3, 0.5, 0.7, 0.9),
            "power": (0.4, 0.7, 1.0, 1.3),
            "order": ("linear", "second", "third"),
        },
        _MOST_DENSE,
        uses_blas=True,
    ),
}
_IMPLICIT: dict[str, Entrant] = {
    "implicit ALS": Searched(
        als, {"factors": (128,), "regularization": (30, 100, 300), "alpha": (5, 20, 60)}
    ),
    "implicit BM25": Searched(
        bm25, {"neighbours": (200,), "k1": (0.5, 1.2, 3.0), "b": (0.1, 0.4, 0.75, 1.0)}
    ),
}
_TRAININGS: dict[str, Entrant] = {
    "ours, whole training, K=100": Training(100),
    "ours, whole training, K=200": Training(200),
}


def _all_of_ours(parameters: str) -> dict[str, Entrant]:
    def with_neighbours(neighbours: int) -> Method:
        return Method(partial(ours, parameters=parameters, neighbours=neighbours))

    return {
        "ours, K=100": with_neighbours(100),
        "ours, K=200": with_neighbours(200),
        **_TRAININGS,
    }


CONTESTS: dict[str, dict[str, Entrant]] = {
    "gowalla": {
        "implicit ALS": Method(partial(als, factors=256, regularization=10, alpha=40)),
        "implicit BM25": Method(partial(bm25, neighbours=200, k1=1.2, b=0.1)),
        "popularity": Method(popularity),
        **_DENSE,
        "SANSA": Method(partial(sansa, l2=8, density=2e-3, exact=False)),
        **_all_of_ours("method=ridge,a=0.25,lam=160,beta=0.75,b=0.1,c=-0.05,r=0.5"),
    },
    "food": {**_IMPLICIT, "popularity": Method(popularity), **_DENSE, **_TRAININGS},
    "movielens-1m": {**_IMPLICIT, "popularity": Method(popularity), **_DENSE, **_TRAININGS},
    "movielens-small": {
        "implicit ALS": Method(partial(als, factors=128, regularization=30, alpha=5)),
        "implicit BM25": Method(partial(bm25, neighbours=200, k1=1.2, b=0.1)),
        "popularity": Method(popularity),
        **_DENSE,
        "SANSA": Method(partial(sansa, l2=500, density=1e-2, exact=True)),
        **_all_of_ours("method=ridge,a=0.25,lam=160,beta=0.25,b=0.1,c=0.05,r=0.25"),
    },
}
