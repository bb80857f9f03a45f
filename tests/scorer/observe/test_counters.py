"""What all processes count together, as Prometheus reads it."""

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
    """Errors are counted once more, and what nobody knows is `other`."""
    counters = Counters(ROUTES, {"build": "1"})
    counters.request("GET", "/a", 200, 0.001)
    counters.request("GET", "/a", 200, 0.001)
    counters.request("BREW", OTHER, 404, 0.001)
    found = samples(counters)
    assert found["requests_total", labels(method="GET", route="/a", status=200)] == 2
    assert found["requests_total", labels(method=OTHER, route=OTHER, status=404)] == 1
    errors = {key: value for key, value in found.items() if key[0] == "errors_total"}
    assert errors == {("errors_total", labels(method=OTHER, route=OTHER, status=404)): 1}


def test_seconds_are_a_histogram_by_route() -> None:
    """Each bucket holds all that took so long or less; the sum is exact."""
    counters = Counters(ROUTES, {})
    for seconds in (0.0001, 0.0005, 0.3, 99):
        counters.request("GET", "/b/{id}", 200, seconds)
    found = samples(counters)
    bucket = {
        le: found["request_seconds_bucket", labels(route="/b/{id}", le=le)]
        for le in ("0.0005", "0.25", "0.5", "2.5", "+Inf")
    }
    assert bucket == {"0.0005": 2, "0.25": 2, "0.5": 3, "2.5": 3, "+Inf": 4}
    assert found["request_seconds_count", labels(route="/b/{id}")] == 4
    assert found["request_seconds_sum", labels(route="/b/{id}")] == pytest.approx(99.3006)


def test_the_model_is_a_gauge() -> None:
    """What is known of it are labels; its value is 1."""
    found = samples(Counters(ROUTES, {"build": 'B "1"\n', "digest": "d"}))
    assert found["model_info", labels(build='B "1"\n', digest="d")] == 1


def test_processes_count_together() -> None:
    """Children count in rows of their own; a row that was left goes on where it was."""
    counters = Counters(ROUTES, {}, rows=3)
    for row in (1, 2, 1):
        if (pid := os.fork()) == 0:
            counters.use_row(row)
            for _ in range(1000):
                counters.answer("items")
            os._exit(0)
        os.waitpid(pid, 0)
    counters.answer("items")
    assert samples(counters)["answers_total", labels(kind="items")] == 3001
