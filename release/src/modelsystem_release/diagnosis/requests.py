"""The requests of each build in the last minutes, from what its pods count."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from modelsystem_release.judging import PodCounters, Traffic


@dataclass(frozen=True)
class RecentRequests:
    """What users asked of a build in the last `seconds`; failed: with a status from 500."""

    requests: int
    failed: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Requests per second; 0 over no time."""
        return self.requests / self.seconds if self.seconds else 0.0

    @property
    def error_rate(self) -> float:
        """The share of the requests that failed, 0 to 1."""
        return self.failed / self.requests if self.requests else 0.0


class RequestMeter:
    """Follows the counters of several builds' pods, over a window that moves along."""

    def __init__(self, window: float) -> None:
        """Look back for `window` seconds at most."""
        self._window = window
        self._counters: dict[str, PodCounters] = {}
        self._sums: dict[str, deque[tuple[float, Traffic]]] = {}

    def look(self, build: str, texts: Mapping[str, str], now: float) -> RecentRequests | None:
        """Return a build's recent requests; None at the first look, which is where counting begins.

        texts: /metrics of each serving pod, by uid. now: seconds of a monotonic clock.

        Raises:
            ServiceError: a text is not in Prometheus' format.

        """
        if build not in self._counters:
            self._counters[build] = PodCounters(texts.keys(), texts)
            self._sums[build] = deque([(now, Traffic())])
            return None
        total = self._counters[build].follow(texts)
        sums = self._sums[build]
        sums.append((now, total))
        while len(sums) > 2 and sums[1][0] <= now - self._window:
            sums.popleft()
        began, before = sums[0]
        recent = total.since(before)
        return RecentRequests(recent.requests, recent.failed, now - began)
