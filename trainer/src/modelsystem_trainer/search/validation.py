"""How good parameters are on the validation part: the measure of a search.

Of data without times, the validation part of few users is drawn several times: one draw of a small
part decides by chance. Only the users that are measured miss their validation part in the fit: what
all others chose stays, so that the fit is nearly as dense as the one that ships.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from modelsystem_shared.numeric.arrays import Float64s, Indices, Mask
from modelsystem_shared.numeric.ranking import K
from modelsystem_trainer.evaluation import SEARCH_USERS, EvaluationSet, Split, metrics, ranking
from modelsystem_trainer.fit import Parameters, Resources, lowrank, unweighed, weighed
from modelsystem_trainer.search.climbing import Measured

MOST_DRAWS = 4
_ENOUGH_USERS = 6_000  # of all draws together
_SEED = "validation"
_KEPT_FITS = 2


@dataclass(frozen=True)
class _Fit:
    """The matrix of a fit, and its similarities before they are weighed."""

    interactions: sparse.csr_array
    similarity: sparse.csr_array


class _Draw:
    """One draw of the validation part, and the latest fits on what is left."""

    def __init__(self, split: Split, users: Indices, held_out: Mask, resources: Resources) -> None:
        self.users = users
        self._split, self._resources = split, resources
        is_measured = np.isin(split.table["user"], users)
        before = split.train & ~(held_out & is_measured)
        self._rows = split.rows(before & split.searched)
        self._set = EvaluationSet.of(split, split.rows(before), held_out, users)
        self._sources = np.unique(self._set.rows["item"])
        self._fits: dict[tuple[object, ...], _Fit] = {}
        self._basis: Float64s | None = None

    def lists(self, parameters: Parameters) -> ranking.Lists:
        """Return what the users are shown."""
        fit = self._fit(parameters)
        similarity = weighed(fit.interactions, fit.similarity, parameters)
        if parameters.w:
            similarity = self._with_term(fit.interactions, similarity, parameters)
        history = self._set.history(parameters)
        recommend = ranking.by_similarity(history, similarity, self._resources.engine.workers)
        return ranking.evaluate(recommend, self._set.truth, self._set.users)

    def _fit(self, parameters: Parameters) -> _Fit:
        key = parameters.of_fit
        if key not in self._fits:
            while len(self._fits) >= _KEPT_FITS:
                del self._fits[next(iter(self._fits))]
            x = self._split.fit_matrix(self._rows, parameters)
            similarity = unweighed(x, parameters, parameters.neighbours, self._resources)
            self._fits[key] = _Fit(x, similarity)
        self._fits[key] = self._fits.pop(key)  # the latest one last
        return self._fits[key]

    def _with_term(
        self, x: sparse.csr_array, similarity: sparse.csr_array, parameters: Parameters
    ) -> sparse.csr_array:
        if self._basis is None:
            self._basis = lowrank.basis(x)
        term = lowrank.term(x, self._basis, similarity, parameters)
        return lowrank.added(
            similarity, term, parameters, self._resources.engine.workers, self._sources
        )


class Validation:
    """Measures parameters on all draws; it fits again only if the fit's parameters change."""

    def __init__(self, split: Split, resources: Resources) -> None:
        """Draw the validation parts."""
        counts = np.bincount(split.table["item"][split.train], minlength=split.n_items)
        self._n_users, self._bits = split.n_users, metrics.self_information(counts, split.n_users)
        self._draws = [
            _Draw(split, users, held_out, resources) for users, held_out in _drawn(split)
        ]

    @property
    def is_possible(self) -> bool:
        """Whether there is any user to measure on."""
        return any(len(draw.users) for draw in self._draws)

    def __call__(self, parameters: Parameters) -> Measured:
        """Return what the users of all draws got."""
        with ThreadPoolExecutor(len(self._draws)) as pool:
            lists = list(pool.map(lambda draw: draw.lists(parameters), self._draws))
        shown = [metrics.shown_figures(of_draw, K, self._bits) for of_draw in lists]
        coverage, novelty = np.mean(shown, axis=0).tolist()
        return Measured(self._by_user(lists), coverage, novelty)

    def _by_user(self, lists: Sequence[ranking.Lists]) -> Float64s:
        """Return the mean NDCG over draws of each user who is in any."""
        total, number = np.zeros(self._n_users), np.zeros(self._n_users)
        for draw, of_draw in zip(self._draws, lists, strict=True):
            total[draw.users] += of_draw.user_ndcg(K)
            number[draw.users] += 1
        is_measured = number > 0
        means: Float64s = total[is_measured] / number[is_measured]
        return means


def _drawn(split: Split) -> Iterator[tuple[Indices, Mask]]:
    """Yield users and the rows that are held out from them, for each draw."""
    users = split.sample(split.validation, _SEED, SEARCH_USERS)
    yield users, split.validation
    draws = 1 if split.has_times else min(MOST_DRAWS, -(-_ENOUGH_USERS // max(len(users), 1)))
    for number in range(1, draws):
        seed = f"{_SEED}{number}"
        yield split.sample(split.validation, seed, SEARCH_USERS), split.drawn_validation(seed)
