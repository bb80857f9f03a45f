"""How good parameters are on the validation part: the measure of a search.

Of data without times, the validation part of few users is drawn several times: one draw of a small
part decides by chance. Only the users that are measured miss their validation part in the fit: what
all others chose stays, so that the fit is nearly as dense as the one that ships.

NDCG@50 is compared, while the model's score is NDCG@20: longer lists have more hits, so that chance
decides less (Valcarce et al. 2020, doi 10.1007/s10791-020-09377-x). If there are few users,
NDCG@20 is compared: search and test ask the same ones.

A try measures on as many draws as have enough users, and with all entries of the low-rank term: to
cut them costs more than all the rest. An exact measurement is on all draws, of what would ship.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from scipy import sparse

from modelsystem_shared.numeric import exposure
from modelsystem_shared.numeric.arrays import Float32s, Float64s, Indices, Mask
from modelsystem_shared.numeric.ranking import K
from modelsystem_trainer.evaluation import SEARCH_USERS, EvaluationSet, Split, metrics, ranking
from modelsystem_trainer.fit import (
    Parameters,
    Resources,
    Weigher,
    degrees,
    lowrank,
    unweighed_of_each,
    weighed,
)
from modelsystem_trainer.search.ledger import Measured
from modelsystem_trainer.search.work import Costs

_LENGTH = 50  # of the lists whose NDCG is compared, if many users are asked
MOST_DRAWS = 4
_ENOUGH_USERS = 6_000  # of all draws together
_USERS_OF_TRY = 2_500  # of the draws of a try together
_SEED = "validation"
_KEPT_FITS = 4
_KEPT_BYTES = 1 << 28  # of fits beyond the latest two
_KEPT_DENSE = 2  # fits of 49 MB for 3,000 items, which are quick to make again


@dataclass(frozen=True)
class _Fit:
    """The matrix of a fit, and its similarities before they are weighed."""

    interactions: sparse.csr_array
    similarity: sparse.csr_array | Weigher

    @classmethod
    def of(cls, x: sparse.csr_array, similarity: sparse.csr_array | Float32s) -> "_Fit":
        if isinstance(similarity, np.ndarray):
            return cls(x, Weigher(similarity, degrees(x)))
        return cls(x, similarity)

    def weighed(self, p: Parameters, threads: int) -> sparse.csr_array | Float32s:
        if isinstance(self.similarity, Weigher):
            return self.similarity.weighed(p, threads)
        return weighed(self.interactions, self.similarity, p, threads)

    @property
    def is_dense(self) -> bool:
        """Whether there is a similarity of any two items."""
        return isinstance(self.similarity, Weigher)

    @property
    def size(self) -> int:
        """The bytes of the similarities."""
        if isinstance(self.similarity, Weigher):
            return self.similarity.size
        return int(self.similarity.data.nbytes + self.similarity.indices.nbytes)


class _Draw:
    """One draw of the validation part, and the latest fits on what is left."""

    def __init__(self, split: Split, users: Indices, held_out: Mask, resources: Resources) -> None:
        self.users = users
        self.k = K if split.has_few_users else _LENGTH
        self._split, self._resources = split, resources
        is_measured = np.isin(split.table["user"], users)
        before = split.train & ~(held_out & is_measured)
        self.fitted = before & split.searched
        self.set = EvaluationSet.of(split, split.rows(before & is_measured), held_out, users)
        self._sources = np.unique(self.set.rows["item"])
        self._fits: dict[tuple[object, ...], _Fit] = {}
        self._basis: Float64s | None = None
        self._terms: dict[tuple[float, float], lowrank.Unscaled] = {}

    def lists(self, p: Parameters, *, exactly: bool) -> ranking.Lists:
        """Return what the users are shown."""
        self.fit([p])
        fit, threads = self._fits[p.of_fit], self._resources.engine.workers
        similarity = fit.weighed(p, threads)
        term = self._term(fit.interactions, similarity, p) if p.w else None
        if term and exactly and not isinstance(similarity, np.ndarray):
            similarity = lowrank.added(similarity, term, p, self._resources, self._sources)
            term = None
        recommend = ranking.by_similarity(self.set.history(p), similarity, threads, term)
        return ranking.evaluate(recommend, self.set.truth, self.set.users, k=self.k)

    def fit(self, parameters: Sequence[Parameters]) -> None:
        """Make the fits that are not there, those of a family together."""
        new = {p.of_fit: p for p in parameters if p.of_fit not in self._fits}
        families = sorted(new.values(), key=lambda p: repr(p.of_family))
        for _, family in groupby(families, key=lambda p: p.of_family):
            self._fit_family(list(family))
        for p in parameters:
            self._fits[p.of_fit] = self._fits.pop(p.of_fit)  # the latest ones last
        self._forget()

    def _fit_family(self, family: Sequence[Parameters]) -> None:
        x = self._split.fit_matrix(self.fitted, family[0])
        similarities = unweighed_of_each(x, family, family[0].neighbours, self._resources)
        for p, similarity in zip(family, similarities, strict=True):
            self._fits[p.of_fit] = _Fit.of(x, similarity)

    def _forget(self) -> None:
        """Forget the oldest fits, as many as take too much memory."""
        dense = [of_fit for of_fit, fit in self._fits.items() if fit.is_dense]
        for of_fit in dense[:-_KEPT_DENSE]:
            del self._fits[of_fit]
        while len(self._fits) > _KEPT_FITS or (
            len(self._fits) > 2  # both sides of a step
            and sum(fit.size for fit in self._fits.values()) > _KEPT_BYTES
        ):
            del self._fits[next(iter(self._fits))]

    def _term(
        self, x: sparse.csr_array, similarity: sparse.csr_array | Float32s, p: Parameters
    ) -> lowrank.LowRank:
        if self._basis is None:
            self._basis = lowrank.basis(x)
        if (p.rank, p.h) not in self._terms:
            self._terms[p.rank, p.h] = lowrank.unscaled(x, self._basis, p)
        return self._terms[p.rank, p.h].times(p.w, lowrank.total_score(x, similarity))


class Validation:
    """Measures parameters; it fits again only if the fit's parameters change."""

    def __init__(self, split: Split, resources: Resources) -> None:
        """Draw the validation parts."""
        counts = split.item_counts(split.train)
        self._n_users, self._bits = split.n_users, exposure.self_information(counts, split.n_users)
        self._draws = [
            _Draw(split, users, held_out, resources) for users, held_out in _drawn(split)
        ]
        n_measured = max(len(self._draws[0].users), 1)
        self._tried = self._draws[: -(-_USERS_OF_TRY // n_measured)]
        self.costs = self._costs(split)

    def _costs(self, split: Split) -> Costs:
        first = self._draws[0]
        lengths = split.user_counts(first.fitted)
        return Costs(
            split.n_items,
            products=int((lengths**2).sum()),
            users=len(first.users),
            history=len(first.set.rows),
            draws=len(self._tried),
            all_draws=len(self._draws),
        )

    @property
    def k(self) -> int:
        """The length of the lists whose NDCG is compared."""
        return self._draws[0].k

    @property
    def is_possible(self) -> bool:
        """Whether there is any user to measure on."""
        return any(len(draw.users) for draw in self._draws)

    def prepare(self, parameters: Sequence[Parameters], *, exactly: bool = False) -> None:
        """Fit for several parameters at once: those that differ in λ and β only share most."""
        for draw in self._draws if exactly else self._tried:
            draw.fit(parameters)

    def __call__(self, parameters: Parameters, *, exactly: bool = False) -> Measured:
        """Return what the users got."""
        draws = self._draws if exactly else self._tried
        lists = [draw.lists(parameters, exactly=exactly) for draw in draws]
        shown = [metrics.shown_figures(of_draw, K, self._bits) for of_draw in lists]
        coverage, novelty = np.mean(shown, axis=0).tolist()
        return Measured(self._by_user(draws, lists), coverage, novelty)

    def _by_user(self, draws: Sequence[_Draw], lists: Sequence[ranking.Lists]) -> Float64s:
        """Return the mean NDCG over draws of each user who is in any."""
        total, number = np.zeros(self._n_users), np.zeros(self._n_users)
        for draw, of_draw in zip(draws, lists, strict=True):
            total[draw.users] += of_draw.user_ndcg(self.k)
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
