"""How a build does under traffic, from what its pods count."""

from modelsystem_release.judging import Traffic, health_faults, read_traffic
from modelsystem_release.judging.rules import Ceiling, Rules


def exposition(answers: dict[str, int], quick: int, slow: int, route: str = "/v1/scores") -> str:
    """Return /metrics of a pod: answers by status, and numbers of quick and slow ones."""
    head = "# TYPE modelsystem_scorer_requests counter\n"
    counts = "".join(
        f'modelsystem_scorer_requests_total{{method="POST",route="{route}",status="{s}"}} {n}.0\n'
        for s, n in answers.items()
    )
    buckets = "".join(
        f'modelsystem_scorer_request_seconds_bucket{{le="{le}",route="{route}"}} {n}.0\n'
        for le, n in (
            ("0.01", quick),
            ("0.1", quick),
            ("1.0", quick + slow),
            ("+Inf", quick + slow),
        )
    )
    return f"{head}{counts}# TYPE modelsystem_scorer_request_seconds histogram\n{buckets}"


def test_pods_are_added_up_and_probes_and_pages_left_out() -> None:
    """Only users' requests count; a status below 500 is the client's fault."""
    texts = [
        exposition({"200": 90, "503": 4, "404": 6}, 95, 5),
        exposition({"200": 100}, 100, 0),
        exposition({"500": 9}, 9, 0, route="/readyz"),
        exposition({"500": 9}, 9, 0, route="/v1/evaluation/questions"),
    ]
    traffic = read_traffic(texts)
    assert (traffic.requests, traffic.failed) == (200, 4)
    assert (traffic.quantile(0.5), traffic.quantile(0.99)) == (0.01, 1.0)


def test_only_requests_since_then_count() -> None:
    """Not those before the build had traffic; after a restart all of them."""
    before = read_traffic([exposition({"200": 100, "500": 50}, 0, 150)])
    after = read_traffic([exposition({"200": 300, "500": 50}, 200, 150)]).since(before)
    assert (after.requests, after.failed, after.quantile(0.99)) == (200, 0, 0.01)
    fresh = read_traffic([exposition({"200": 10}, 10, 0)]).since(before)
    assert fresh.requests == 10


def test_every_rule_can_be_broken_by_users_and_by_probes() -> None:
    """The sentence has the figure and its ceiling."""
    rules = Rules(errors=Ceiling(0.01), p50_ms=Ceiling(20), p99_ms=Ceiling(500))
    bad = read_traffic([exposition({"200": 96, "500": 4}, 40, 60)])
    assert health_faults(bad, [0.001] * 20, 0, rules) == [
        "errors of 100 users' requests: 0.04, at most 0.01",
        "p50_ms of 100 users' requests: 1000, at most 20",
        "p99_ms of 100 users' requests: 1000, at most 500",
    ]
    good = read_traffic([exposition({"200": 100}, 100, 0)])
    assert health_faults(good, [0.03] * 20, 1, rules) == [
        "errors of 20 probes' requests: 0.05, at most 0.01",
        "p50_ms of 20 probes' requests: 30, at most 20",
    ]
    assert health_faults(Traffic(), [], 0, rules) == []
