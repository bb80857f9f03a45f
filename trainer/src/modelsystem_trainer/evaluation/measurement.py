"""The figures of a split: NDCG@20 on validation for the search, all metrics on test."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from modelsystem_shared.numeric.arrays import Indices
from modelsystem_trainer.evaluation import metrics, ranking
from modelsystem_trainer.evaluation.metrics import Metrics
from modelsystem_trainer.evaluation.ranking import OnShare, Recommend
from modelsystem_trainer.evaluation.split import EvaluationSet, Split
from modelsystem_trainer.fit import Parameters, unweighed, weighed

SEARCH_USERS = 4_000
_SEARCH_NEIGHBOURS = 100  # more do not change which parameters are best, and cost their cube
_SEARCH_SEED = "validation"
_TEST_SEED = "test"


@dataclass(frozen=True)
class _Fit:
    """The matrix of a fit, and its similarities before they are weighed."""

    of_fit: tuple[object, ...]
    interactions: sparse.csr_array
    similarity: sparse.csr_array


class Validation:
    """NDCG@20 of parameters on the validation part; it fits again only if the fit's change."""

    def __init__(self, split: Split, users: Indices, neighbours: int, threads: int) -> None:
        """Measure on `users`; see `validation_users`."""
        self._split, self._threads = split, threads
        self._rows = split.rows(split.search_train)
        before = split.rows(split.train & ~split.validation)
        self._set = EvaluationSet.of(split, before, split.validation, users)
        self._neighbours = min(neighbours, _SEARCH_NEIGHBOURS)
        self._last: _Fit | None = None

    def __call__(self, parameters: Parameters) -> float:
        """Return the mean NDCG@20."""
        fit = self._fit(parameters)
        similarity = weighed(fit.interactions, fit.similarity, parameters)
        recommend = ranking.by_similarity(self._set.history(parameters), similarity)
        return ranking.evaluate(recommend, self._set.truth, self._set.users).ndcg

    def _fit(self, parameters: Parameters) -> _Fit:
        if self._last is None or self._last.of_fit != parameters.of_fit:
            x = self._split.fit_matrix(self._rows, parameters)
            similarity = unweighed(x, parameters, self._neighbours, self._threads)
            self._last = _Fit(parameters.of_fit, x, similarity)
        return self._last


def validation_users(split: Split) -> Indices:
    """Return the users that a search measures on."""
    return split.sample(split.validation, _SEARCH_SEED, SEARCH_USERS)


def measure_on_test(
    split: Split, similarity: sparse.csr_array, parameters: Parameters, on_share: OnShare
) -> tuple[Metrics, Metrics]:
    """Return the figures of a model, and of popularity, for the same users of the test part.

    similarity: fitted on the part `train`.
    """
    rows = split.rows(split.train)
    users = split.sample(split.test, _TEST_SEED, ranking.MOST_USERS)
    counts = np.bincount(rows["item"], minlength=split.n_items)
    lengths = split.user_counts(split.train)
    test_set = EvaluationSet.of(split, rows, split.test, users)
    history = test_set.history(parameters)

    def measured(recommend: Recommend, on_share: OnShare) -> Metrics:
        lists = ranking.evaluate(
            recommend, test_set.truth, test_set.users, on_share, metrics.MOST_SHOWN
        )
        return metrics.measure(lists, counts, int(np.count_nonzero(lengths)), lengths[users])

    model = measured(ranking.by_similarity(history, similarity), on_share)
    return model, measured(ranking.by_popularity(history, counts), lambda _: None)
