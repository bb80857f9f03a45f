"""A promotion: traffic moves step by step; a fault of the candidate undoes it."""

import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from modelsystem_release.cluster import Question, Site, Target
from modelsystem_release.errors import RolledBackError
from modelsystem_release.judging import Rules, Traffic, health_faults, read_traffic
from modelsystem_release.traffic.changes import Change, Weights, as_text, new_change
from modelsystem_release.traffic.routing import ROLLBACK, Routing
from modelsystem_release.traffic.shares import with_share
from modelsystem_shared.errors import ServiceError, UsageError
from modelsystem_shared.numeric.ranking import K

log = logging.getLogger(__name__)
PROBES = 20  # questions in a round


@dataclass
class Candidate:
    """The build under traffic in one step, and what was measured of it."""

    target: Target
    build: str
    site: Site
    questions: Sequence[Question]
    before: Traffic
    seconds: list[float] = field(default_factory=list)
    failed: int = 0

    def faults(self, rules: Rules) -> list[str]:
        """Ask a round of questions, read the pods' counters, and return which rules are broken."""
        start = len(self.seconds) % max(len(self.questions), 1)
        for question in self.questions[start : start + PROBES]:
            answer = self.site.recommend(question.items, K)
            self.seconds.append(answer.seconds)
            self.failed += bool(answer.fault)
        unready = [] if self.target.is_ready(self.build) else ["not all of its pods are ready"]
        traffic = read_traffic(self.target.metrics(self.build)).since(self.before)
        return unready + health_faults(traffic, self.seconds, self.failed, rules)


@dataclass(frozen=True)
class Promotion:
    """A build's shares in per cent, step by step.

    hold: seconds of each step. every: seconds between two rounds of questions.
    """

    build: str
    steps: Sequence[int]
    hold: float
    every: float
    rules: Rules
    why: str

    def plan(self, routing: Routing, start: Weights) -> list[Weights]:
        """Return the weights of each step, from those at the start.

        Raises:
            UsageError: the route's provider cannot split traffic.

        """
        if not routing.can_split and [*self.steps] != [100]:
            raise UsageError("provider service cannot split traffic: use --steps 100")
        listed = routing.listed().keys()
        return [with_share(start, self.build, share, listed) for share in self.steps]

    def run(self, routing: Routing, target: Target) -> None:
        """Move the traffic step by step.

        Raises:
            RolledBackError: a rule was broken; the weights are as before.
            UsageError: the build is not ready, or the weights were changed by another hand.

        """
        start = routing.weights()
        plan = self.plan(routing, start)
        if not target.is_ready(self.build):
            raise UsageError(f"build {self.build} is not ready: the weights stay as they are")
        change_id, current = None, start
        for number, (share, weights) in enumerate(zip(self.steps, plan, strict=True), 1):
            action = f"promote {self.build}, step {number} of {len(self.steps)}"
            change = new_change(action, current, weights, self.why, change_id)
            _move(routing, change)
            change_id, current = change.id, weights
            if faults := self._hold(target, share):
                self._roll_back(routing, change, start, "; ".join(faults))

    def _hold(self, target: Target, share: int) -> list[str]:
        """Watch the candidate for the time of a step; return the first faults."""
        try:
            with self._candidate(target) as candidate:
                until = time.monotonic() + self.hold
                while True:
                    if faults := candidate.faults(self.rules):
                        return faults
                    log.info("build %s at %d %%: healthy", self.build, share)
                    if (remaining := until - time.monotonic()) <= 0:
                        return []
                    time.sleep(min(remaining, self.every))
        except ServiceError as error:
            return [str(error)]

    @contextlib.contextmanager
    def _candidate(self, target: Target) -> Iterator[Candidate]:
        with target.site(self.build) as site:
            before = read_traffic(target.metrics(self.build))
            yield Candidate(target, self.build, site, site.questions(), before)

    def _roll_back(self, routing: Routing, change: Change, start: Weights, reason: str) -> None:
        action = f"{ROLLBACK} {self.build}"
        _move(routing, new_change(action, change.after, start, reason, change.id))
        raise RolledBackError(f"build {self.build} was rolled back: {reason}")


def _move(routing: Routing, change: Change) -> None:
    if (weights := routing.weights()) != change.before:
        raise UsageError(
            f"the weights were changed to {as_text(weights)} during the promotion: "
            "they stay as they are"
        )
    log.info("%s", change)
    routing.move(change)
