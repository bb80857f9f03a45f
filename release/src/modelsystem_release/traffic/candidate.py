"""The build under traffic: rounds of questions, and what its pods count."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from modelsystem_release.cluster import Question, Site, Target
from modelsystem_release.judging import PodCounters, Rules, health_faults
from modelsystem_release.traffic.shortage import Shortage, pods_short
from modelsystem_shared.errors import ServiceError
from modelsystem_shared.numeric.ranking import K

PROBES = 20  # questions in a round
_DUE = 20  # requests: with so many due, none is no accident
_PATIENCE = 120.0  # seconds for which pods may be short, or the cluster may not answer


@dataclass
class Candidate:
    """The build under traffic in one step, and what was measured of it."""

    target: Target
    build: str
    site: Site
    questions: Sequence[Question]
    counters: PodCounters
    shortage: Shortage = field(default_factory=lambda: Shortage(_PATIENCE))
    seconds: list[float] = field(default_factory=list)
    failed: int = 0

    def faults(self, rules: Rules) -> list[str]:
        """Ask a round of questions, read the pods' counters, and return which rules are broken."""
        self._ask()
        try:
            ready, wanted = self.target.readiness(self.build)
            self.counters.follow(self.target.metrics(self.build))
            short = pods_short(ready, wanted)
        except ServiceError as error:  # the cluster, for a moment
            ready, short = 1, str(error)
        unready = self.shortage.fault(short, time.monotonic())
        if not ready:
            unready = "none of its pods is ready"
        broken = health_faults(self.counters.traffic, self.seconds, self.failed, rules)
        return [*([unready] if unready else []), *broken]

    @property
    def users_requests(self) -> int:
        """How many requests the pods have counted that were not our own questions."""
        return max(self.counters.traffic.requests - len(self.seconds), 0)

    def _ask(self) -> None:
        start = len(self.seconds) % max(len(self.questions), 1)
        for question in self.questions[start : start + PROBES]:
            answer = self.site.recommend(question.items, K)
            self.seconds.append(answer.seconds)
            self.failed += bool(answer.fault)


def unreached(requests: int, rate: float, seconds: float, share: int) -> str:
    """Return that no user's request has reached the candidate; empty if one has, or few were due.

    rate: requests per second that the champion had before. seconds: with `share` per cent of it.
    """
    due = rate * seconds * share / 100
    if requests or due < _DUE:
        return ""
    return f"none of the users' requests has reached it, where about {due:.0f} were due"


def request_rate(target: Target, build: str | None, seconds: float) -> float:
    """Return a build's requests per second, measured for some seconds; 0 if it cannot be read."""
    if build is None:
        return 0.0
    try:
        counters = PodCounters(target.pods(build).keys(), target.metrics(build))
        time.sleep(seconds)
        return counters.follow(target.metrics(build)).requests / max(seconds, 1e-9)
    except ServiceError:
        return 0.0


@contextlib.contextmanager
def candidate(target: Target, build: str) -> Iterator[Candidate]:
    """Open a build's site, and count its users' requests from now on."""
    with target.site(build) as site:
        pods = target.pods(build).keys()
        texts: dict[str, str] = {}
        with contextlib.suppress(ServiceError):  # a pod's first look is then its start
            texts = target.metrics(build)
        counters = PodCounters(pods, texts)
        yield Candidate(target, build, site, site.questions().questions, counters)
