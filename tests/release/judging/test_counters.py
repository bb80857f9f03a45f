"""Users' requests, followed pod by pod."""

from tests.release.judging.test_health import exposition

from modelsystem_release.judging import PodCounters


def counted(good: int, failed: int = 0) -> str:
    """Return /metrics of a pod."""
    return exposition({"200": good, "500": failed}, good, failed)


def test_a_pod_that_ends_takes_nothing_back() -> None:
    """Its failures before the start do not count, and its requests since then stay."""
    counters = PodCounters({"a", "b"}, {"a": counted(100, 50), "b": counted(10)})
    counters.follow({"a": counted(110, 50), "b": counted(20)})
    traffic = counters.follow({"b": counted(30)})
    assert (traffic.requests, traffic.failed) == (30, 0)


def test_a_new_pod_counts_from_zero() -> None:
    """It started after the promotion's step."""
    counters = PodCounters({"a"}, {"a": counted(100)})
    traffic = counters.follow({"a": counted(100), "b": counted(5, 1)})
    assert (traffic.requests, traffic.failed) == (6, 1)
    assert counters.follow({"b": counted(6, 1)}).requests == 7


def test_a_pod_that_could_not_be_read_at_first_starts_with_its_first_look() -> None:
    """What it had counted before is not of this step."""
    counters = PodCounters({"a"}, {})
    assert counters.follow({"a": counted(100, 50)}).requests == 0
    assert counters.follow({"a": counted(103, 50)}).requests == 3


def test_a_restarted_container_counts_since_its_restart() -> None:
    """The pod is the same, its counters begin again."""
    counters = PodCounters({"a"}, {"a": counted(100)})
    assert counters.follow({"a": counted(4)}).requests == 4
