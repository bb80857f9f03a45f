"""How a build does under traffic: what its pods count, and how it answers our own requests."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from modelsystem_release.judging.rules import Rules
from modelsystem_shared.errors import ServiceError

_PREFIX = "modelsystem_scorer"
_EVALUATION = "/v1/evaluation"  # asked by this tool, not by users


@dataclass(frozen=True)
class Traffic:
    """Counts since some time.

    failed: requests with a status from 500; below that the client is at fault.
    buckets: the number of answers by the upper bound of their seconds.
    """

    requests: int = 0
    failed: int = 0
    buckets: Counter[float] = field(default_factory=Counter)

    def __add__(self, other: "Traffic") -> "Traffic":
        """Return the sum of two counts."""
        return Traffic(
            self.requests + other.requests, self.failed + other.failed, self.buckets + other.buckets
        )

    def since(self, before: "Traffic") -> "Traffic":
        """Return the counts since `before`; after a restart, since the restart."""
        if self.requests < before.requests:
            return self
        return Traffic(
            self.requests - before.requests,
            self.failed - before.failed,
            Counter({le: n - before.buckets[le] for le, n in self.buckets.items()}),
        )

    def quantile(self, share: float) -> float:
        """Return the upper bound, in seconds, of the bucket that contains a quantile."""
        remaining = math.ceil(share * self.buckets.total())
        for bound in sorted(self.buckets):
            remaining -= self.buckets[bound]
            if remaining <= 0:
                return bound
        return 0.0


def read_traffic(texts: Iterable[str]) -> Traffic:
    """Return the sum of what a build's pods count for routes below /v1 and /v2.

    texts: /metrics of each pod.

    Raises:
        ServiceError: a text is not in Prometheus' format.

    """
    requests, failed = 0, 0
    buckets: Counter[float] = Counter()
    try:
        for name, labels, value in _samples(texts):
            if name == f"{_PREFIX}_requests_total":
                requests += value
                failed += value if labels["status"] >= "500" else 0
            elif name == f"{_PREFIX}_request_seconds_bucket":
                buckets[float(labels["le"])] += value
    except (ValueError, KeyError) as error:
        raise ServiceError("/metrics of a pod is not in Prometheus' text format") from error
    return Traffic(requests, failed, _not_cumulative(buckets))


def health_faults(
    traffic: Traffic, probe_seconds: Sequence[float], failed_probes: int, rules: Rules
) -> list[str]:
    """Return which rules are broken, by users' requests or by our own probes."""
    by_users = traffic.quantile(0.5), traffic.quantile(0.99)
    return [
        *_faults("users", traffic.requests, traffic.failed, by_users, rules),
        *_faults("probes", len(probe_seconds), failed_probes, _quantiles(probe_seconds), rules),
    ]


def _samples(texts: Iterable[str]) -> Iterable[tuple[str, dict[str, str], int]]:
    """Yield name, labels and value of each count that is about users' requests."""
    for text in texts:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if _is_of_users(sample.labels.get("route", "")):
                    yield sample.name, sample.labels, int(sample.value)


def _faults(
    source: str, requests: int, failed: int, quantiles: tuple[float, float], rules: Rules
) -> list[str]:
    if not requests:
        return []
    p50, p99 = (seconds * 1000 for seconds in quantiles)
    limits = [
        ("errors", failed / requests, rules.errors.ceiling),
        ("p50_ms", p50, rules.p50_ms.ceiling),
        ("p99_ms", p99, rules.p99_ms.ceiling),
    ]
    return [
        f"{name} of {requests} {source}' requests: {value:.6g}, at most {ceiling:.6g}"
        for name, value, ceiling in limits
        if value > ceiling
    ]


def _quantiles(seconds: Sequence[float]) -> tuple[float, float]:
    if not seconds:
        return 0.0, 0.0
    ordered = sorted(seconds)
    last = len(ordered) - 1
    return ordered[round(0.5 * last)], ordered[round(0.99 * last)]


def _is_of_users(route: str) -> bool:
    return route.startswith(("/v1/", "/v2/")) and not route.startswith(_EVALUATION)


def _not_cumulative(buckets: Counter[float]) -> Counter[float]:
    bounds = sorted(buckets)
    below = [0, *(buckets[bound] for bound in bounds)]
    return Counter({le: buckets[le] - under for le, under in zip(bounds, below, strict=False)})
