"""A promotion: traffic moves step by step; a fault of the candidate undoes it."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from modelsystem_release import cluster
from modelsystem_release.cluster import Target
from modelsystem_release.errors import RolledBackError
from modelsystem_release.judging import Rules
from modelsystem_release.traffic.candidate import candidate, request_rate, unreached
from modelsystem_release.traffic.changes import Change, Weights, as_text, new_change
from modelsystem_release.traffic.routing import ROLLBACK, Routing
from modelsystem_release.traffic.shares import with_share
from modelsystem_shared.errors import ServiceError, UsageError

log = logging.getLogger(__name__)


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
        rate = 0.0  # a Service moves new connections only, so that none need reach the candidate
        if routing.can_split:
            rate = request_rate(target, routing.champion(but=self.build), self.every)
        change_id, current = None, start
        for number, (share, weights) in enumerate(zip(self.steps, plan, strict=True), 1):
            action = f"promote {self.build}, step {number} of {len(self.steps)}"
            change = new_change(action, current, weights, self.why, change_id)
            _move(routing, change)
            change_id, current = change.id, weights
            if faults := route_faults(routing, target) or self._hold(target, share, rate):
                self._roll_back(routing, change, start, "; ".join(faults))

    def _hold(self, target: Target, share: int, rate: float) -> list[str]:
        """Watch the candidate for the time of a step; return the first faults.

        rate: the champion's requests per second before the promotion.

        A step does not end while pods are short: they come, or stay short and are a fault.
        """
        try:
            with candidate(target, self.build) as watched:
                until = time.monotonic() + self.hold
                while True:
                    if faults := watched.faults(self.rules):
                        return faults
                    state = "short of pods" if watched.shortage.is_on else "healthy"
                    log.info("build %s at %d %%: %s", self.build, share, state)
                    remaining = until - time.monotonic()
                    if remaining <= 0 and not watched.shortage.is_on:
                        fault = unreached(watched.users_requests, rate, self.hold, share)
                        return [fault] if fault else []
                    time.sleep(min(remaining, self.every) if remaining > 0 else self.every)
        except ServiceError as error:
            return [str(error)]

    def _roll_back(self, routing: Routing, change: Change, start: Weights, reason: str) -> None:
        action = f"{ROLLBACK} {self.build}"
        _move(routing, new_change(action, change.after, start, reason, change.id))
        raise RolledBackError(f"build {self.build} was rolled back: {reason}")


def route_faults(routing: Routing, target: Target) -> list[str]:
    """Return why a Gateway does not use the route; none if it cannot be read."""
    try:
        return cluster.route_faults(target, routing.release) if routing.release else []
    except ServiceError as error:
        log.warning("the route's conditions cannot be read: %s", error)
        return []


def _move(routing: Routing, change: Change) -> None:
    if (weights := routing.weights()) != change.before:
        latest = next(iter(routing.changes()), None)
        by = f" ({latest.action}, by {latest.by})" if latest else ""
        raise UsageError(
            f"the weights were changed to {as_text(weights)} during the promotion{by}: "
            "they stay as they are"
        )
    log.info("%s", change)
    routing.move(change)
