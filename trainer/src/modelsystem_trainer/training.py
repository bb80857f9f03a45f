"""From interactions to a model: split, choose parameters, measure, fit on all but gate users.

Each step learns only from rows that the next step is not measured on: parameters are chosen on the
validation part, measured on the test part, and no fit sees the gate users.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from modelsystem_shared.errors import DataError
from modelsystem_shared.numeric.arrays import Float32s, Indices
from modelsystem_shared.numeric.model import Model, Rows, Strings, index_type
from modelsystem_trainer import fit
from modelsystem_trainer.evaluation import (
    Metrics,
    Split,
    Validation,
    matrix,
    measure_on_test,
    trend,
    validation_users,
)
from modelsystem_trainer.fit import Parameters, Search, Tried, confidence
from modelsystem_trainer.ingest import Interactions

log = logging.getLogger(__name__)
OnProgress = Callable[[str, float], None]  # (phase, share of it that is done)
NEIGHBOURS = 100
_MOST_BYTES = 3 << 30  # of ridge's result; while it is made it takes twice as much


@dataclass(frozen=True)
class Plan:
    """What shapes a training besides the data.

    neighbours: None for `NEIGHBOURS`, or for all items if that is better and affordable.
    parameters: None to search them, by `method`, or by a method that fits into the memory if
        `method` is None too.
    histories: whether the model has the users and their histories.
    """

    neighbours: int | None
    parameters: Parameters | None
    threads: int
    method: str | None = None
    histories: bool = True

    @property
    def neighbours_of_item(self) -> int:
        """The neighbours that an item keeps, unless the method is `dense`."""
        return self.neighbours or NEIGHBOURS

    def may_turn_dense(self, n_items: int) -> bool:
        """Whether a search tries `dense`: no setting excludes it, and the catalogue is small."""
        is_open = self.neighbours is None and self.method is None
        return is_open and n_items <= fit.MOST_ITEMS_OF_DENSE


@dataclass(frozen=True)
class Trained:
    """The model, and how it was made and measured.

    tried: the parameters of the search, on a share of the users; see `Parameters.scaled`.
    half_lives: those tried for the trend, each with its NDCG@20.
    counts: for each item the users who chose it, without gate users (int64).
    """

    model: Model
    parameters: Parameters
    tried: Tried
    half_lives: trend.Tried
    metrics: Metrics
    popularity: Metrics
    counts: Indices


def train(data: Interactions, plan: Plan, on_progress: OnProgress) -> Trained:
    """Train on `data`; the result depends on the data and the plan only, not on its threads."""
    _check_size(len(data.items), plan)
    split = Split(data)
    tried = _search(split, plan, on_progress)
    parameters = plan.parameters or fit.best(tried).scaled(1 / split.search_share)
    log.info("Parameters: %s", parameters)
    measured, popularity = _measure(split, parameters, plan, on_progress)
    half_lives = trend.try_half_lives(split.rows(split.train), split.n_items)
    on_progress("fit", 0.0)
    learned = split.rows(~split.gate)
    similarity = _fit(split.fit_matrix(learned, parameters), parameters, plan)
    trending = trend.shares(learned, split.n_items, trend.best(half_lives))
    on_progress("fit", 1.0)
    model = _model(split, similarity, parameters, trending, histories=plan.histories)
    counts = np.bincount(learned["item"], minlength=split.n_items)
    return Trained(model, parameters, tried, half_lives, measured, popularity, counts)


def _check_size(n_items: int, plan: Plan) -> None:
    """Refuse a training that would take hours and all memory."""
    method = plan.parameters.method if plan.parameters else plan.method
    if method == "dense" and n_items > fit.MOST_ITEMS_OF_DENSE:
        raise DataError(
            f"METHOD or PARAMETERS: dense is for at most {fit.MOST_ITEMS_OF_DENSE:,} items, and "
            f"the export has {n_items:,}: choose ridge"
        )


def _search(split: Split, plan: Plan, on_progress: OnProgress) -> Tried:
    """Return the parameters that were tried, each with its NDCG@20; none if the plan has them."""
    if plan.parameters:
        return {}
    method = plan.method or _affordable_method(split, plan)
    users = validation_users(split)
    if not len(users):
        return {fit.START[method]: 0.0}
    quality = Validation(split, users, plan.neighbours_of_item, plan.threads)
    search = Search(quality, lambda share: on_progress("search", share))
    search.run(method, split.idle_parameters)
    if plan.may_turn_dense(split.n_items):
        search.turn_to("dense", ("lam", "s"))
    on_progress("search", 1.0)
    return search.tried


def _affordable_method(split: Split, plan: Plan) -> str:
    """Return ridge if the memory allows it, else cooccurrence."""
    most_bytes = fit.most_bytes_of_ridge(
        split.user_counts(~split.gate), split.n_items, plan.neighbours_of_item
    )
    if most_bytes <= _MOST_BYTES:
        return "ridge"
    log.info("Method: cooccurrence, because ridge could need %.1f GB", most_bytes / 1e9)
    return "cooccurrence"


def _measure(
    split: Split, parameters: Parameters, plan: Plan, on_progress: OnProgress
) -> tuple[Metrics, Metrics]:
    """Return the test part's figures of a fit without it, and of popularity."""
    if not split.test.any():
        log.warning("No user has two interactions, so none can be held out: the score is 0")
    train = split.fit_matrix(split.rows(split.train), parameters)
    similarity = _fit(train, parameters, plan)
    return measure_on_test(
        split, similarity, parameters, lambda share: on_progress("evaluate", share)
    )


def _fit(interactions: sparse.csr_array, parameters: Parameters, plan: Plan) -> sparse.csr_array:
    return fit.fit(interactions, parameters, plan.neighbours_of_item, plan.threads)


def _model(
    split: Split,
    similarity: sparse.csr_array,
    parameters: Parameters,
    trending: Float32s,
    *,
    histories: bool,
) -> Model:
    data = split.data
    users, table = (data.users, split.table) if histories else ([], split.table[:0])
    questions, answers = split.questions()
    return Model(
        items=Strings.of(data.items),
        titles=Strings.of([data.titles.get(item, "") for item in data.items]),
        users=Strings.of(users),
        similar=_rows(similarity),
        similarity=similarity.data,
        history=_rows(matrix(table, len(users), split.n_items)),
        confidence=confidence.in_history(table, parameters),
        recency=confidence.of_listed(parameters),
        trend=trending,
        questions=_rows(questions),
        answers=_rows(answers),
    )


def _rows(of: sparse.csr_array) -> Rows:
    indices = of.indices.astype(index_type(of.shape[1]))
    return Rows(indices, of.indptr[1:].astype(np.int64))
