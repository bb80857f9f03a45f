"""Counters that all processes share, in Prometheus' text format.

Each process counts in its own row of one array in shared memory, made before the processes are
forked: no file, no lock, and nothing to tidy up. A new process continues the row of one that died,
so that no count ever falls. See docs/adr/0011.
"""

import mmap
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from itertools import accumulate, product
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from modelsystem_shared.numeric.arrays import Float64s

OTHER = "other"  # an unknown path, or a method that no path has
_METHODS = ("GET", "HEAD", "OPTIONS", "POST", OTHER)
_STATUSES = [status.value for status in HTTPStatus if status >= 200]
_KINDS = ("personal", "items", "fallback")
_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_BUCKETS = [*map(str, _BOUNDS), "+Inf"]
_PREFIX = "modelsystem_scorer"


class Counters(Collector):
    """Counts requests by method, route and status, their seconds by route, answers by kind."""

    def __init__(self, routes: Sequence[str], gauges: Iterable[Metric] = (), rows: int = 1) -> None:
        """Make room for `rows` processes; the exposition ends with `gauges`, which never change."""
        self._gauges = tuple(gauges)
        self._routes = [*routes, OTHER]
        self._requests = {
            key: place for place, key in enumerate(product(_METHODS, self._routes, _STATUSES))
        }
        start, width = len(self._requests), len(_BUCKETS) + 1  # the last is the sum of seconds
        self._seconds = {route: start + n * width for n, route in enumerate(self._routes)}
        start += len(self._routes) * width
        self._answers = {kind: start + n for n, kind in enumerate(_KINDS)}
        length = start + len(_KINDS)
        memory = mmap.mmap(-1, rows * length * 8)
        self._table: Float64s = np.frombuffer(memory).reshape(rows, length)
        self.use_row(0)

    def use_row(self, row: int) -> None:
        """Count in this row from now on; no other process may use it."""
        # Faster than the array, one number at a time. Any: typeshed's memoryview holds integers.
        self._row: Any = memoryview(self._table[row])

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        method = method if method in _METHODS else OTHER
        self._row[self._requests[method, route, status]] += 1
        first = self._seconds[route]
        self._row[first + bisect_left(_BOUNDS, seconds)] += 1
        self._row[first + len(_BUCKETS)] += seconds

    def answer(self, kind: str) -> None:
        """Count an answer: `personal`, by `items` of the request, or a `fallback`."""
        self._row[self._answers[kind]] += 1

    def exposition(self) -> bytes:
        """Return the counts of all processes, in Prometheus' text format."""
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics; prometheus_client's registry calls this."""
        totals: list[float] = self._table.sum(axis=0).tolist()
        yield from self._of_requests(totals)
        yield self._of_seconds(totals)
        answers = CounterMetricFamily(
            f"{_PREFIX}_answers", "Recommendations, by what they build on.", labels=["kind"]
        )
        for kind, place in self._answers.items():
            answers.add_metric([kind], totals[place])
        yield answers
        yield from self._gauges

    def _of_requests(self, totals: Sequence[float]) -> Iterator[Metric]:
        labels = ["method", "route", "status"]
        requests = CounterMetricFamily(f"{_PREFIX}_requests", "Requests answered.", labels=labels)
        errors = CounterMetricFamily(
            f"{_PREFIX}_errors", "Requests answered with a status from 400.", labels=labels
        )
        for (method, route, status), place in self._requests.items():
            if totals[place]:
                requests.add_metric([method, route, str(status)], totals[place])
                if status >= HTTPStatus.BAD_REQUEST:
                    errors.add_metric([method, route, str(status)], totals[place])
        yield requests
        yield errors

    def _of_seconds(self, totals: Sequence[float]) -> Metric:
        family = HistogramMetricFamily(
            f"{_PREFIX}_request_seconds", "From the whole request to its answer.", labels=["route"]
        )
        for route, first in self._seconds.items():
            counts = list(accumulate(totals[first : first + len(_BUCKETS)]))
            if counts[-1]:
                buckets = list(zip(_BUCKETS, counts, strict=True))
                family.add_metric([route], buckets, totals[first + len(_BUCKETS)])
        return family
