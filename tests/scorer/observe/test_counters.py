"""Counters of all processes, as Prometheus reads them."""

import os
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from modelsystem_scorer.observe.counters import OTHER, Counters

ROUTES = ["/a", "/b/{id}"]


def samples(counters: Counters) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return every sample by its name and labels."""
    return {
        (sample.name.removeprefix("modelsystem_scorer_"), frozenset(sample.labels.items())): (
            sample.value
        )
        for family in text_string_to_metric_families(counters.exposition().decode())
        for sample in family.samples
    }


def labels(**values: Any) -> frozenset[tuple[str, str]]:
    """Return labels as `samples` has them."""
    return frozenset((name, str(value)) for name, value in values.items())


def test_requests_are_counted_by_method_route_and_status() -> None:
    """Errors are counted once more; unknown methods and routes are `other`."""
    counters = Counters(ROUTES)
    counters.request("GET", "/a", 200, 0.001)
    counters.request("GET", "/a", 200, 0.001)
    counters.request("BREW", OTHER, 404, 0.001)
    values = samples(counters)
    assert values["requests_total", labels(method="GET", route="/a", status=200)] == 2
    assert values["requests_total", labels(method=OTHER, route=OTHER, status=404)] == 1
    errors = {key: count for key, count in values.items() if key[0] == "errors_total"}
    assert errors == {("errors_total", labels(method=OTHER, route=OTHER, status=404)): 1}


def test_seconds_are_a_histogram_by_route() -> None:
    """Each bucket counts the requests that took no longer; the sum is exact."""
    counters = Counters(ROUTES)
    for seconds in (0.0001, 0.0005, 0.3, 99):
        counters.request("GET", "/b/{id}", 200, seconds)
    values = samples(counters)
    bucket = {
        le: values["request_seconds_bucket", labels(route="/b/{id}", le=le)]
        for le in ("0.0005", "0.25", "0.5", "2.5", "+Inf")
    }
    assert bucket == {"0.0005": 2, "0.25": 2, "0.5": 3, "2.5": 3, "+Inf": 4}
    assert values["request_seconds_count", labels(route="/b/{id}")] == 4
    assert values["request_seconds_sum", labels(route="/b/{id}")] == pytest.approx(99.3006)


def test_processes_count_together() -> None:
    """Each child counts in a row of its own; a row that is used again goes on counting."""
    counters = Counters(ROUTES, rows=3)
    for row in (1, 2, 1):
        if (pid := os.fork()) == 0:
            counters.use_row(row)
            for _ in range(1000):
                counters.answer("items")
            os._exit(0)
        os.waitpid(pid, 0)
    counters.answer("items")
    assert samples(counters)["answers_total", labels(kind="items")] == 3001
