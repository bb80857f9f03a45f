"""From interactions to a model: hold out, choose parameters, measure, fit on everything.

Each step learns only from what the next one does not ask about: parameters are chosen on
the validation part, measured on the test part, and no fit ever sees the gate users.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from modelsystem_shared.arrays import Float32s, Indices
from modelsystem_shared.errors import DataError
from modelsystem_shared.model import Model, Rows, Strings, index_type
from modelsystem_trainer.evaluation import metrics, ranking, trend
from modelsystem_trainer.evaluation.metrics import Metrics
from modelsystem_trainer.evaluation.ranking import Places, Recommend
from modelsystem_trainer.evaluation.split import Asked, Parts, matrix
from modelsystem_trainer.fit import Parameters, confidence, dense, fit, raw, ridge, search, weighed
from modelsystem_trainer.ingest.interactions import Interactions

log = logging.getLogger(__name__)
OnProgress = Callable[[str, float], None]  # (phase, share of it that is done)
NEIGHBOURS = 100
_SEARCH_USERS = 4_000
_SEARCH_NEIGHBOURS = 100  # more do not change what is best, but cost their cube
_MOST_BYTES = 3 << 30  # that ridge may keep; while it is built up twice as much is in use
_SEARCH_SEED = "validation"
_TEST_SEED = "test"


@dataclass(frozen=True)
class Plan:
    """What shapes a training besides the data.

    neighbours: None for `NEIGHBOURS`, or for all items where that is better and affordable.
    parameters: None when they are to be searched, by `method`, or by whichever the memory
    allows when that is None too.
    """

    neighbours: int | None
    parameters: Parameters | None
    threads: int
    method: str | None = None

    @property
    def kept(self) -> int:
        """How many neighbours an item keeps, but by the method `dense`."""
        return self.neighbours or NEIGHBOURS

    def may_turn_dense(self, n_items: int) -> bool:
        """Whether nobody forbids to try it, and the catalogue is small enough."""
        return self.neighbours is None and self.method is None and n_items <= dense.MOST_ITEMS


@dataclass(frozen=True)
class Trained:
    """The model and what is known of it.

    tried: what was tried on the part that is searched; `Parameters.of_more` says what of it
        depends on how much that is.
    half_lives: those tried for what is trending, each with its NDCG@20.
    counts: for each item the users who chose it, gate users left out (int64).
    """

    model: Model
    parameters: Parameters
    tried: search.Tried
    half_lives: trend.Tried
    metrics: Metrics
    popularity: Metrics
    counts: Indices


def train(data: Interactions, plan: Plan, on_progress: OnProgress) -> Trained:
    """Train on `data`; the result depends on nothing but it and the plan, threads left out."""
    parts = Parts(data)
    _check_size(parts, plan)
    tried = _search(parts, plan, on_progress)
    parameters = plan.parameters or search.best(tried).of_more(1 / parts.searched_share)
    log.info("Parameters: %s", parameters)
    if not parts.test.any():
        log.warning(
            "Nobody has two interactions to hold one out of: the score is 0 and says nothing"
        )
    measured, popularity = _measure(parts, parameters, plan, on_progress)
    half_lives = trend.try_half_lives(parts.rows(parts.rest), parts.n_items)
    on_progress("fit", 0.0)
    learned = parts.rows(~parts.gate)
    similarity = fit(_fitted(parts, learned, parameters), parameters, plan.kept, plan.threads)
    trending = trend.shares(learned, parts.n_items, trend.best(half_lives))
    on_progress("fit", 1.0)
    model = _model(parts, similarity, parameters, trending)
    counts = np.bincount(learned["item"], minlength=parts.n_items)
    return Trained(model, parameters, tried, half_lives, measured, popularity, counts)


def _check_size(parts: Parts, plan: Plan) -> None:
    """Refuse what would take hours and all memory."""
    wanted = plan.parameters.method if plan.parameters else plan.method
    if wanted == "dense" and parts.n_items > dense.MOST_ITEMS:
        raise DataError(
            f"METHOD or PARAMETERS: dense is for at most {dense.MOST_ITEMS:,} items, and the "
            f"export has {parts.n_items:,}: choose ridge"
        )


def _fitted(parts: Parts, rows: pd.DataFrame, p: Parameters) -> sparse.csr_array:
    return matrix(rows, parts.n_users, parts.n_items, confidence.in_fit(rows, p))


def _search(parts: Parts, plan: Plan, on_progress: OnProgress) -> search.Tried:
    if plan.parameters:
        return {}
    method = plan.method or _affordable(parts, plan)
    users = parts.sample(parts.validation, _SEARCH_SEED, _SEARCH_USERS)
    if not len(users):
        return {search.START[method]: 0.0}
    quality = _Quality(parts, users, plan)
    searching = search.Search(quality, lambda share: on_progress("search", share))
    searching.run(method, parts.says_nothing_of)
    if plan.may_turn_dense(parts.n_items):
        searching.turn_to("dense", ("lam", "s"))
    on_progress("search", 1.0)
    return searching.tried


def _affordable(parts: Parts, plan: Plan) -> str:
    """Choose the method that the memory allows."""
    needed = ridge.bytes_at_most(parts.user_counts(~parts.gate), parts.n_items, plan.kept)
    if needed <= _MOST_BYTES:
        return "ridge"
    log.info("Method: cooccurrence, since ridge could need %.1f GB", needed / 1e9)
    return "cooccurrence"


class _Quality:
    """NDCG@20 on the validation part; fits again only when what was found changes."""

    def __init__(self, parts: Parts, users: Places, plan: Plan) -> None:
        self._parts, self._threads = parts, plan.threads
        self._rows = parts.rows(parts.searched)
        before = parts.rows(parts.rest & ~parts.validation)
        self._asked = Asked.of(parts, before, parts.validation, users)
        self._neighbours = min(plan.kept, _SEARCH_NEIGHBOURS)
        self._fit: tuple[tuple[object, ...], sparse.csr_array, sparse.csr_array] | None = None

    def __call__(self, parameters: Parameters) -> float:
        if self._fit is None or self._fit[0] != parameters.of_fit:
            x = _fitted(self._parts, self._rows, parameters)
            found = raw(x, parameters, self._neighbours, self._threads)
            self._fit = (parameters.of_fit, x, found)
        _, x, found = self._fit
        ranked = ranking.by_similarity(
            self._asked.history(parameters), weighed(x, found, parameters)
        )
        return ranking.evaluate(ranked, self._asked.truth, self._asked.places).ndcg


def _measure(
    parts: Parts, parameters: Parameters, plan: Plan, on_progress: OnProgress
) -> tuple[Metrics, Metrics]:
    """Ask a fit without the test part, and popularity, for what the test part holds."""
    rows = parts.rows(parts.rest)
    users = parts.sample(parts.test, _TEST_SEED, ranking.MOST_USERS)
    similarity = fit(_fitted(parts, rows, parameters), parameters, plan.kept, plan.threads)
    counts = np.bincount(rows["item"], minlength=parts.n_items)
    lengths = parts.user_counts(parts.rest)
    asked = Asked.of(parts, rows, parts.test, users)
    history = asked.history(parameters)

    def measured(recommend: Recommend, on_share: ranking.OnShare) -> Metrics:
        lists = ranking.evaluate(recommend, asked.truth, asked.places, on_share, metrics.MOST_SHOWN)
        return metrics.measure(lists, counts, int(np.count_nonzero(lengths)), lengths[users])

    return (
        measured(
            ranking.by_similarity(history, similarity),
            lambda share: on_progress("evaluate", share),
        ),
        measured(ranking.by_popularity(history, counts), lambda _: None),
    )


def _model(
    parts: Parts,
    similarity: sparse.csr_array,
    parameters: Parameters,
    trending: Float32s,
) -> Model:
    data, everything = parts.data, parts.table
    questions, answers = parts.questions()
    return Model(
        items=Strings.of(data.items),
        titles=Strings.of([data.titles.get(item, "") for item in data.items]),
        users=Strings.of(data.users),
        similar=_rows(similarity),
        similarity=similarity.data,
        history=_rows(matrix(everything, parts.n_users, parts.n_items)),
        confidence=confidence.in_history(everything, parameters),
        recency=confidence.of_listed(parameters),
        trend=trending,
        questions=_rows(questions),
        answers=_rows(answers),
    )


def _rows(of: sparse.csr_array) -> Rows:
    indices = of.indices.astype(index_type(of.shape[1]))
    return Rows(indices, of.indptr[1:].astype(np.int64))
