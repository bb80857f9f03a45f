"""A promotion: step by step, with a look at the candidate between steps, and back if it fails."""

import contextlib
import logging
import time
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field

from modelsystem_release.cluster.site import Question, Site
from modelsystem_release.cluster.target import Namespace
from modelsystem_release.errors import RolledBackError, ServiceError, UsageError
from modelsystem_release.judging import health
from modelsystem_release.judging.health import Traffic
from modelsystem_release.judging.lists import K
from modelsystem_release.judging.rules import Rules
from modelsystem_release.traffic.routing import Change, Routing, Weights, new_id, now, text, whoever

log = logging.getLogger(__name__)
PROBES = 20  # questions in a round


@dataclass
class Watch:
    """What has been seen of the candidate in one step."""

    space: Namespace
    build: str
    site: Site
    questions: Sequence[Question]
    before: Traffic
    seconds: list[float] = field(default_factory=list)
    failed: int = 0

    def look(self, rules: Rules) -> list[str]:
        """Ask a round of questions, read the counters, and return which rules are broken."""
        start = len(self.seconds) % max(len(self.questions), 1)
        for question in self.questions[start : start + PROBES]:
            answer = self.site.recommend(question.items, K)
            self.seconds.append(answer.seconds)
            self.failed += bool(answer.fault)
        told = [] if self.space.is_ready(self.build) else ["not all of its pods are ready"]
        return told + health.faults(self.traffic(), self.seconds, self.failed, rules)

    def traffic(self) -> Traffic:
        """Return what its pods have counted in this step, our own requests among it."""
        return health.read(self.space.metrics(self.build)).since(self.before)


@dataclass(frozen=True)
class Promotion:
    """What is wanted: shares for a build, each held for some seconds."""

    build: str
    steps: Sequence[int]
    hold: float
    every: float
    rules: Rules
    why: str

    def run(self, routing: Routing, space: Namespace) -> None:
        """Move the traffic step by step.

        Raises:
            RolledBackError: a rule was broken; the weights are as before.
            UsageError: the build is not ready, or somebody else moves the traffic.

        """
        start, change_id = routing.weights(), new_id()
        if not space.is_ready(self.build):
            raise UsageError(f"build {self.build} is not ready: no traffic is moved")
        current = start
        for number, share in enumerate(self.steps, 1):
            after = shared(start, self.build, share, routing.needed().keys())
            action = f"promote {self.build}, step {number} of {len(self.steps)}"
            self._move(
                routing, Change(change_id, action, whoever(), now(), current, after, self.why)
            )
            current = after
            if found := self._hold(space, share):
                self._back(routing, change_id, start, current, "; ".join(found))

    def _hold(self, space: Namespace, share: int) -> list[str]:
        """Watch for as long as a step is held; return at once with what is broken."""
        try:
            with self._watched(space) as watch:
                until = time.monotonic() + self.hold
                while True:
                    if found := watch.look(self.rules):
                        return found
                    log.info("build %s at %d %%: as it should be", self.build, share)
                    if (left := until - time.monotonic()) <= 0:
                        return []
                    time.sleep(min(left, self.every))
        except ServiceError as error:
            return [str(error)]

    @contextlib.contextmanager
    def _watched(self, space: Namespace) -> Iterator[Watch]:
        with space.site(self.build) as url, Site(url) as site:
            before = health.read(space.metrics(self.build))
            yield Watch(space, self.build, site, site.questions(), before)

    def _back(
        self, routing: Routing, change_id: str, start: Weights, current: Weights, reason: str
    ) -> None:
        action = f"roll back {self.build}"
        self._move(routing, Change(change_id, action, whoever(), now(), current, start, reason))
        raise RolledBackError(f"build {self.build} broke a rule and was rolled back: {reason}")

    def _move(self, routing: Routing, change: Change) -> None:
        if routing.weights() != change.before:
            raise UsageError(
                f"somebody else moved the traffic to {text(routing.weights())} meanwhile: "
                "nothing more is changed"
            )
        log.info("%s", change)
        routing.move(change)


def shared(weights: Weights, build: str, share: int, needed: Set[str] = frozenset()) -> Weights:
    """Give `build` a share, and the rest to the others in proportion to what they had.

    Who is left with nothing is taken off the list, but for those `needed` by mirror or testers.

    Raises:
        UsageError: there is nobody else to get the rest.

    """
    others = {name: weight for name, weight in weights.items() if weight and name != build}
    if not others and share < 100:
        raise UsageError("no other build has traffic: only --steps 100 is possible")
    total, rest = sum(others.values()), 100 - share
    exact = {name: weight * rest / total for name, weight in others.items()}
    found = {name: int(value) for name, value in exact.items()} | {build: share}
    by_remainder = sorted(exact, key=lambda name: found[name] - exact[name])
    for name in by_remainder[: 100 - sum(found.values())]:
        found[name] += 1
    order = [*weights, *([] if build in weights else [build])]
    return {name: found.get(name, 0) for name in order if found.get(name) or name in needed}
