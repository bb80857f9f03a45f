"""From interactions to a model: split, choose parameters, measure, fit on all but gate users.

Each step learns only from rows that the next step is not measured on: parameters are chosen on the
validation part, measured on the test part, and no fit sees the gate users.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from modelsystem_shared.errors import DataError
from modelsystem_shared.numeric.arrays import Float32s, Indices
from modelsystem_shared.numeric.model import Model, Rows, Strings, index_type
from modelsystem_trainer import fit
from modelsystem_trainer.evaluation import (
    Metrics,
    Split,
    matrix,
    measure_on_test,
    trend,
)
from modelsystem_trainer.fit import METHODS, Parameters, Resources, confidence
from modelsystem_trainer.ingest import Interactions
from modelsystem_trainer.search import (
    NOTHING,
    Budget,
    Outcome,
    Search,
    Start,
    Validation,
    climbed_neighbours,
    on_grid,
    starts_of,
)

log = logging.getLogger(__name__)
OnProgress = Callable[[str, float], None]  # (phase, share of it that is done)
NEIGHBOURS = (100, 200)  # of which a search chooses


@dataclass(frozen=True)
class Plan:
    """What shapes a training besides the data.

    neighbours: None for what the search chooses of `NEIGHBOURS`, or all items of a small catalogue.
    parameters: None to search them, by `method`.
    method: None for ridge, or dense if that is better and the catalogue small.
    histories: whether the model has the users and their histories.
    champion: where the search starts too, beside its own starts.
    """

    neighbours: int | None
    parameters: Parameters | None
    method: str | None = None
    histories: bool = True
    champion: Start | None = None

    def may_turn_dense(self, n_items: int) -> bool:
        """Whether a search tries `dense`: no setting excludes it, and the catalogue is small."""
        is_open = self.neighbours is None and self.method is None
        return is_open and n_items <= fit.MOST_ITEMS_OF_DENSE


@dataclass(frozen=True)
class Trained:
    """The model, and how it was made and measured.

    search: the parameters, and how they were found.
    half_lives: those tried for the trend, each with its NDCG@20.
    counts: for each item the users who chose it, of the n_users that are no gate users (int64).
    """

    model: Model
    search: Outcome
    half_lives: trend.Tried
    metrics: Metrics
    popularity: Metrics
    counts: Indices
    n_users: int

    @property
    def parameters(self) -> Parameters:
        """The parameters of the model."""
        return self.search.parameters


def train(
    data: Interactions, plan: Plan, on_progress: OnProgress, resources: Resources = fit.DEFAULT
) -> Trained:
    """Train on `data`; the result depends on the data and the plan only, not on `resources`."""
    _check_size(len(data.items), plan)
    split = Split(data)
    outcome = _search(split, plan, on_progress, resources)
    parameters = outcome.parameters
    log.info("Parameters: %s", parameters)
    measured, popularity = _measure(split, parameters, on_progress, resources)
    columns, learned = ("user", "item", "time"), ~split.gate
    half_lives = trend.try_half_lives(split.columns(split.train, *columns), split.n_items)
    half_life = trend.best(half_lives)
    trending = trend.shares(split.columns(learned, *columns), split.n_items, half_life)
    on_progress("fit", 0.0)
    similarity = _fit(split.fit_matrix(learned, parameters), parameters, resources)
    on_progress("fit", 1.0)
    model = _model(split, similarity, parameters, trending, histories=plan.histories)
    counts, n_users = split.item_counts(learned), int(np.count_nonzero(split.user_counts(learned)))
    return Trained(model, outcome, half_lives, measured, popularity, counts, n_users)


def _check_size(n_items: int, plan: Plan) -> None:
    """Refuse a training that would take hours and all memory."""
    method = plan.parameters.method if plan.parameters else plan.method
    if method == "dense" and n_items > fit.MOST_ITEMS_OF_DENSE:
        raise DataError(
            f"METHOD or PARAMETERS: dense is for at most {fit.MOST_ITEMS_OF_DENSE:,} items, and "
            f"the export has {n_items:,}: choose ridge"
        )


def _search(split: Split, plan: Plan, on_progress: OnProgress, resources: Resources) -> Outcome:
    """Return the best parameters that the search finds, or those of the plan."""
    if plan.parameters:
        neighbours_of_item = plan.neighbours or plan.parameters.neighbours
        parameters = replace(plan.parameters, neighbours=neighbours_of_item)
        return Outcome(parameters, parameters)
    started = time.monotonic()
    neighbours = _neighbours(plan)
    starts = _starts(split, plan, climbed_neighbours(neighbours))
    validation = Validation(split, resources)
    if not validation.is_possible:
        default = replace(starts[0].parameters, neighbours=neighbours[-1])
        return Outcome(default, default, {default: NOTHING}, starts[:1])
    budget = _budget(validation, starts, neighbours)
    search = Search(
        validation,
        budget,
        split.idle_parameters,
        lambda share: on_progress("search", share),
        standard_errors=1 if split.has_few_users else 2,
    )
    best, ledger = search.run(starts, neighbours), search.ledger
    seconds = time.monotonic() - started
    log.info(
        "Search: %d tries on %d fits in %.0f s; work %.0f of %.0f (s of a core)",
        *(len(ledger.tried), ledger.fits, seconds, ledger.work, budget.work),
    )
    parameters = best.scaled(1 / split.search_share)
    return Outcome(
        parameters,
        best,
        ledger.all,
        starts,
        budget,
        ledger.fits,
        ledger.work,
        k=validation.k,
    )


def _budget(validation: Validation, starts: Sequence[Start], neighbours: Sequence[int]) -> Budget:
    climbed = starts[0].parameters
    others = [replace(climbed, neighbours=n) for n in neighbours if n != climbed.neighbours]
    return Budget.of(validation.costs, climbed, others if climbed.method != "dense" else [])


def _starts(split: Split, plan: Plan, neighbours: int) -> list[Start]:
    """Return the starts of each method that may be searched, and the champion's parameters.

    neighbours: the number that the search climbs with.
    """
    method = plan.method or METHODS[0]
    starts = starts_of(method)
    if plan.may_turn_dense(split.n_items):
        starts = starts_of("dense") + starts[:1]
    champion = plan.champion
    if champion and champion.parameters.method in {start.parameters.method for start in starts}:
        parameters = on_grid(champion.parameters.scaled(split.search_share))
        starts.append(replace(champion, parameters=parameters))
    return [
        replace(start, parameters=replace(start.parameters, neighbours=neighbours))
        for start in starts
    ]


def _neighbours(plan: Plan) -> list[int]:
    """Return the numbers of neighbours that the search may choose."""
    return [plan.neighbours] if plan.neighbours else [*NEIGHBOURS]


def _measure(
    split: Split, parameters: Parameters, on_progress: OnProgress, resources: Resources
) -> tuple[Metrics, Metrics]:
    """Return the test part's figures of a fit without it, and of popularity."""
    if not split.test.any():
        log.warning("No user has two interactions, so none can be held out: the score is 0")
    train = split.fit_matrix(split.train, parameters)
    similarity = _fit(train, parameters, resources)
    return measure_on_test(
        split, similarity, parameters, lambda share: on_progress("evaluate", share)
    )


def _fit(
    interactions: sparse.csr_array, parameters: Parameters, resources: Resources
) -> sparse.csr_array:
    return fit.fit(interactions, parameters, parameters.neighbours, resources)


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
