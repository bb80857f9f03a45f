"""What a search came to: the parameters, all that was tried, and how sure the choice is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from modelsystem_shared.numeric.ranking import Estimate, K, estimate
from modelsystem_trainer.fit import Parameters
from modelsystem_trainer.search.ledger import Budget, Tried
from modelsystem_trainer.search.space import Start


@dataclass(frozen=True)
class RunnerUp:
    """The best parameters of another fit; difference: the chosen ones' NDCG minus theirs."""

    parameters: Parameters
    difference: Estimate


@dataclass(frozen=True)
class Outcome:
    """The parameters of the model, and the search for them.

    chosen: those that were tried; `parameters` has their λ for all users.
    k: the length of the lists whose NDCG was compared.
    starts: where the search began; empty if the parameters were given.
    """

    parameters: Parameters
    chosen: Parameters
    tried: Mapping[Parameters, Tried] = field(default_factory=dict)
    starts: Sequence[Start] = ()
    budget: Budget = field(default_factory=lambda: Budget(0))
    fits: int = 0
    work: float = 0.0
    k: int = K

    @property
    def runner_up(self) -> RunnerUp | None:
        """The best parameters of another fit that were measured exactly, if there are any."""
        others = [p for p, t in self.tried.items() if t.exact and p.of_fit != self.chosen.of_fit]
        if not others:
            return None
        best = max(others, key=lambda p: self.tried[p].measured.ndcg)
        gains = self.tried[self.chosen].measured.users - self.tried[best].measured.users
        [difference] = estimate(gains[:, None])
        return RunnerUp(best, difference)
