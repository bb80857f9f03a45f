"""How a build does under traffic: its own counters, and what it answers to us."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from modelsystem_release.errors import ServiceError
from modelsystem_release.judging.rules import Rules

_PREFIX = "modelsystem_scorer"
_OURS = "/v1/evaluation"  # asked by us, not by users


@dataclass(frozen=True)
class Traffic:
    """Counts since some moment; `buckets`: answers by the upper bound of their seconds."""

    requests: int = 0
    failed: int = 0  # with a status from 500; below, the asker is at fault
    buckets: Counter[float] = field(default_factory=Counter)

    def since(self, before: "Traffic") -> "Traffic":
        """Return what came after `before`; after a restart, what came since then."""
        if self.requests < before.requests:
            return self
        return Traffic(
            self.requests - before.requests,
            self.failed - before.failed,
            Counter({le: n - before.buckets[le] for le, n in self.buckets.items()}),
        )

    def quantile(self, share: float) -> float:
        """Return the upper bound, in seconds, of the bucket that holds a quantile."""
        wanted = math.ceil(share * self.buckets.total())
        for bound in sorted(self.buckets):
            wanted -= self.buckets[bound]
            if wanted <= 0:
                return bound
        return 0.0


def read(texts: Iterable[str]) -> Traffic:
    """Add up what the pods of a build have counted of the routes below /v1 and /v2.

    Raises:
        ServiceError: a text is not what /metrics shows.

    """
    requests, failed = 0, 0
    buckets: Counter[float] = Counter()
    try:
        for text in texts:
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    if not _is_of_users(sample.labels.get("route", "")):
                        continue
                    if sample.name == f"{_PREFIX}_requests_total":
                        requests += int(sample.value)
                        failed += int(sample.value) if sample.labels["status"] >= "500" else 0
                    elif sample.name == f"{_PREFIX}_request_seconds_bucket":
                        buckets[float(sample.labels["le"])] += int(sample.value)
    except (ValueError, KeyError) as error:
        raise ServiceError("/metrics of a pod is not in Prometheus' text format") from error
    return Traffic(requests, failed, _not_cumulative(buckets))


def faults(traffic: Traffic, probes: Sequence[float], probe_faults: int, rules: Rules) -> list[str]:
    """Return which rules are broken, by users' requests or by ours; probes: seconds each."""
    return [
        *_faults("users", traffic.requests, traffic.failed, _quantiles_of(traffic), rules),
        *_faults("probes", len(probes), probe_faults, _quantiles(probes), rules),
    ]


def _faults(
    who: str, requests: int, failed: int, quantiles: tuple[float, float], rules: Rules
) -> list[str]:
    if not requests:
        return []
    p50, p99 = (seconds * 1000 for seconds in quantiles)
    told = [
        ("errors", failed / requests, rules.errors.ceiling),
        ("p50_ms", p50, rules.p50_ms.ceiling),
        ("p99_ms", p99, rules.p99_ms.ceiling),
    ]
    return [
        f"{name} of {requests} {who}' requests: {value:.6g}, at most {ceiling:.6g}"
        for name, value, ceiling in told
        if value > ceiling
    ]


def _quantiles_of(traffic: Traffic) -> tuple[float, float]:
    return traffic.quantile(0.5), traffic.quantile(0.99)


def _quantiles(seconds: Sequence[float]) -> tuple[float, float]:
    if not seconds:
        return 0.0, 0.0
    ordered = sorted(seconds)
    last = len(ordered) - 1
    return ordered[round(0.5 * last)], ordered[round(0.99 * last)]


def _is_of_users(route: str) -> bool:
    return route.startswith(("/v1/", "/v2/")) and not route.startswith(_OURS)


def _not_cumulative(buckets: Counter[float]) -> Counter[float]:
    bounds = sorted(buckets)
    below = [0, *(buckets[bound] for bound in bounds)]
    return Counter({le: buckets[le] - under for le, under in zip(bounds, below, strict=False)})
