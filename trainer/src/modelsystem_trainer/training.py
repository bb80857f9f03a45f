"""From interactions to a model: hold out, choose parameters, measure, fit on everything.

Each step learns only from what the next one does not ask about: parameters are chosen on
the validation part, measured on the test part, and no fit ever sees the gate users.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from modelsystem_shared.model import Model, Rows, Strings, index_type
from modelsystem_trainer import evaluate, holdout, metrics, search
from modelsystem_trainer.evaluate import Places, Recommend
from modelsystem_trainer.fit import Parameters, fit, raw, ridge, weighed
from modelsystem_trainer.interactions import Interactions
from modelsystem_trainer.metrics import Metrics

log = logging.getLogger(__name__)
OnProgress = Callable[[str, float], None]  # (phase, share of it that is done)
_SEARCH_USERS = 4_000
_SEARCH_NEIGHBOURS = 100  # more do not change what is best, but cost their cube
_MOST_BYTES = 2 << 30  # that ridge may need
_SEARCH_SEED = "validation"
_TEST_SEED = "test"


@dataclass(frozen=True)
class Plan:
    """What shapes a training besides the data.

    parameters: None when they are to be searched, by `method`, or by whichever the memory
    allows when that is None too.
    """

    neighbours: int
    parameters: Parameters | None
    threads: int
    method: str | None = None


@dataclass(frozen=True)
class Trained:
    """The model and what is known of it."""

    model: Model
    parameters: Parameters
    tried: search.Tried
    metrics: Metrics
    popularity: Metrics


@dataclass(frozen=True)
class _Parts:
    """The interactions, users × items: for search, for measuring, for the model, for gates."""

    search: sparse.csr_array
    validation: sparse.csr_array
    rest: sparse.csr_array
    test: sparse.csr_array
    learned: sparse.csr_array
    questions: sparse.csr_array
    answers: sparse.csr_array


def train(data: Interactions, plan: Plan, on_progress: OnProgress) -> Trained:
    """Train on `data`; the result depends on nothing but it and the plan, threads left out."""
    parts = _split(data)
    tried = _search(data, parts, plan, on_progress)
    parameters = plan.parameters or search.best(tried)
    log.info("Parameters: %s", parameters)
    if not parts.test.nnz:
        log.warning(
            "Nobody has two interactions to hold one out of: the score is 0 and says nothing"
        )
    measured, popularity = _measure(data, parts, parameters, plan, on_progress)
    on_progress("fit", 0.0)
    similarity = fit(parts.learned, parameters, plan.neighbours, plan.threads)
    on_progress("fit", 1.0)
    return Trained(_model(data, parts, similarity), parameters, tried, measured, popularity)


def _split(data: Interactions) -> _Parts:
    table = data.table
    pairs = holdout.pair_hashes(
        table, holdout.hashes(data.users, "pair"), holdout.hashes(data.items, "pair")
    )
    gate = holdout.gate_users(data.users)[table["user"]]
    test = holdout.latest(table, pairs)
    validation = np.zeros(len(table), bool)
    validation[~test] = holdout.latest(table[~test], pairs[~test])

    def matrix(rows: npt.NDArray[np.bool_]) -> sparse.csr_array:
        return _matrix(table[rows], len(data.users), len(data.items))

    return _Parts(
        search=matrix(~gate & ~test & ~validation),
        validation=matrix(~gate & validation),
        rest=matrix(~gate & ~test),
        test=matrix(~gate & test),
        learned=matrix(~gate),
        questions=matrix(gate & ~test),
        answers=matrix(gate & test),
    )


def _matrix(table: pd.DataFrame, users: int, items: int) -> sparse.csr_array:
    """Return a table sorted by user and item as a matrix of ones."""
    ends = np.cumsum(np.bincount(table["user"], minlength=users))
    ones = np.ones(len(table), np.float32)
    pointers = np.concatenate([[0], ends])
    return sparse.csr_array((ones, table["item"].to_numpy(), pointers), shape=(users, items))


def _search(data: Interactions, parts: _Parts, plan: Plan, on_progress: OnProgress) -> search.Tried:
    users = _asked(data, parts.validation, _SEARCH_SEED, _SEARCH_USERS)
    if plan.parameters:
        return {}
    method = plan.method or _affordable(parts.learned, plan.neighbours)
    if not len(users):
        return {search.START[method]: 0.0}
    quality = _Quality(parts, users, plan)
    searching = search.Search(quality, lambda share: on_progress("search", share))
    searching.run(method)
    return searching.tried


def _affordable(x: sparse.csr_array, neighbours: int) -> str:
    """Choose the method that the memory allows."""
    if (needed := ridge.bytes_at_most(x, neighbours)) <= _MOST_BYTES:
        return "ridge"
    log.info("Method: cooccurrence, since ridge could need %.1f GB", needed / 1e9)
    return "cooccurrence"


class _Quality:
    """NDCG@20 on the validation part; fits again only when what was found changes."""

    def __init__(self, parts: _Parts, users: Places, plan: Plan) -> None:
        self._parts, self._users, self._plan = parts, users, plan
        self._found: dict[tuple[object, ...], sparse.csr_array] = {}

    def __call__(self, parameters: Parameters) -> float:
        x, plan = self._parts.search, self._plan
        if parameters.of_fit not in self._found:
            neighbours = min(plan.neighbours, _SEARCH_NEIGHBOURS)
            found = raw(x, parameters, neighbours, plan.threads)
            self._found = {parameters.of_fit: found}
        similarity = weighed(x, self._found[parameters.of_fit], parameters)
        ranked = evaluate.by_similarity(x, similarity)
        return evaluate.evaluate(ranked, self._parts.validation, self._users).ndcg


def _measure(
    data: Interactions, parts: _Parts, parameters: Parameters, plan: Plan, on_progress: OnProgress
) -> tuple[Metrics, Metrics]:
    """Ask a fit without the test part, and popularity, for what the test part holds."""
    users = _asked(data, parts.test, _TEST_SEED, evaluate.MOST_USERS)
    similarity = fit(parts.rest, parameters, plan.neighbours, plan.threads)
    counts = np.bincount(parts.rest.indices, minlength=len(data.items))
    lengths = np.diff(parts.rest.indptr)

    def measured(recommend: Recommend, on_share: evaluate.OnShare) -> Metrics:
        lists = evaluate.evaluate(recommend, parts.test, users, on_share, metrics.MOST_SHOWN)
        return metrics.measure(lists, counts, int(np.count_nonzero(lengths)), lengths[users])

    return (
        measured(
            evaluate.by_similarity(parts.rest, similarity),
            lambda share: on_progress("evaluate", share),
        ),
        measured(evaluate.by_popularity(parts.rest, counts), lambda _: None),
    )


def _asked(data: Interactions, truth: sparse.csr_array, seed: str, most: int) -> Places:
    """Choose users with something held out, at most `most`, those with the smallest hashes."""
    users = np.flatnonzero(np.diff(truth.indptr))
    if len(users) <= most:
        return users
    keys = holdout.hashes([data.users[int(user)] for user in users], seed)
    return np.sort(users[np.argsort(keys, kind="stable")[:most]])


def _model(data: Interactions, parts: _Parts, similarity: sparse.csr_array) -> Model:
    everything = _matrix(data.table, len(data.users), len(data.items))
    asked = np.flatnonzero(np.diff(parts.answers.indptr))
    return Model(
        items=Strings.of(data.items),
        titles=Strings.of([data.titles.get(item, "") for item in data.items]),
        users=Strings.of(data.users),
        similar=_rows(similarity),
        similarity=similarity.data,
        history=_rows(everything),
        popularity=parts.learned.sum(axis=0).astype(np.uint32),
        questions=_rows(parts.questions[asked]),
        answers=_rows(parts.answers[asked]),
    )


def _rows(matrix: sparse.csr_array) -> Rows:
    indices = matrix.indices.astype(index_type(matrix.shape[1]))
    return Rows(indices, matrix.indptr[1:].astype(np.int64))
