"""`release route` and `release bucket`, with the weights in a recorded cluster or in a file."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from tests.release.conftest import Release, Told
from tests.release.fake_cluster import Cluster, deployment

from modelsystem_release.commands.bucket import bucket
from modelsystem_release.errors import UsageError
from modelsystem_release.traffic.promotion import shared

WEIGHTS = st.dictionaries(st.sampled_from("abcde"), st.integers(1, 100), min_size=1)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """Return a cluster with two ready builds and one that is not; the first has all traffic."""
    made = Cluster(tmp_path / "cluster")
    made.add(deployment("152"), deployment("153"), deployment("154", ready=1))
    made.route({"152": 100}, gateway={"parentRefs": [{"name": "public"}]})
    return made


class Route:
    """Calls `release route` as somebody."""

    def __init__(self, release: Release, cluster: Cluster) -> None:
        self._release, self._cluster = release, cluster

    def __call__(self, *arguments: str) -> Told:
        who = {"BUILD_REQUESTEDFOR": "Ada", "BUILD_BUILDID": "7"}
        return self._release("route", *arguments, environ=self._cluster.environ | who)


@pytest.fixture
def route(release: Release, cluster: Cluster) -> Route:
    """Return a function that calls `release route`."""
    return Route(release, cluster)


def test_weights_are_set_and_the_change_is_recorded(route: Route, cluster: Cluster) -> None:
    """Only the builds change; who, when, from, to and why stand on the route and in Helm."""
    told = route("set", "152=90", "153=10", "--why", "a first look")
    assert told.code == 0, told.errors
    assert cluster.routed() == {"152": 90, "153": 10}
    revision = cluster.state["releases"]["modelsystem-routing"][-1]
    assert revision["values"]["gateway"] == {"parentRefs": [{"name": "public"}]}
    assert revision["description"] == ("set by Ada (run 7): 152=100 -> 152=90 153=10: a first look")
    (change,) = json.loads(revision["values"]["annotations"]["modelsystem/changes"])
    assert (change["by"], change["why"]) == ("Ada (run 7)", "a first look")
    assert (change["before"], change["after"]) == ({"152": 100}, {"152": 90, "153": 10})
    shown = route("show", "--output", "json").json
    assert shown["weights"] == {"152": 90, "153": 10}
    assert shown["changes"] == [change]
    assert "a first look" in route("show").output


@pytest.mark.parametrize(
    ("pairs", "fault"),
    [
        (["152=90", "154=10"], "not ready, so it gets no traffic: build 154"),
        (["152=90", "999=10"], "not ready, so it gets no traffic: build 999"),
        (["152=90"], "the weights add up to 90: make them 100 in all"),
        (["152=50", "152=50"], "a build is named twice"),
        (["152"], "152: write BUILD=PERCENT"),
    ],
)
def test_what_would_harm_is_refused(
    route: Route, cluster: Cluster, pairs: list[str], fault: str
) -> None:
    """And nothing is changed."""
    told = route("set", *pairs)
    assert told.code == 2
    assert fault in told.errors
    assert cluster.changing() == []


def test_a_build_that_is_not_ready_may_be_listed_with_nothing(
    route: Route, cluster: Cluster
) -> None:
    """With weight 0 it can be a mirror's or a tester's."""
    assert route("set", "152=100", "154=0").code == 0
    assert cluster.routed() == {"152": 100, "154": 0}


def test_a_dry_run_changes_nothing(route: Route, cluster: Cluster) -> None:
    """It says what would be."""
    told = route("set", "152=90", "153=10", "--dry-run")
    assert "152=90 153=10" in told.output
    plan = route("promote", "153", "--dry-run", "--output", "json").json
    assert plan["steps"][0] == {"152": 95, "153": 5}
    assert plan["steps"][-1] == {"153": 100}
    assert cluster.changing() == []


def test_rollback_goes_back_change_by_change(route: Route, cluster: Cluster) -> None:
    """Each rollback undoes the latest change that is not undone yet, and is recorded too."""
    route("set", "152=90", "153=10")
    route("set", "152=50", "153=50")
    for expected in ({"152": 90, "153": 10}, {"152": 100}):
        told = route("rollback", "--why", "complaints")
        assert told.code == 0, told.errors
        assert cluster.routed() == expected
    told = route("rollback")
    assert told.code == 2
    assert "no change that could be rolled back" in told.errors
    changes = route("show", "--output", "json").json["changes"]
    assert [one["action"].split(" 2")[0] for one in changes] == [
        "roll back", "roll back", "set", "set"
    ]  # fmt: skip


def test_a_plain_service_cannot_split(route: Route, cluster: Cluster) -> None:
    """So a promotion must be one step."""
    cluster.route({"152": 100}, provider="service")
    told = route("promote", "153")
    assert told.code == 2
    assert "say --steps 100" in told.errors


@pytest.mark.parametrize("steps", ["", "5,5", "50,5", "0,50", "5,101", "five"])
def test_steps_rise_from_1_to_100(route: Route, steps: str) -> None:
    """Anything else is refused before anything moves."""
    told = route("promote", "153", "--steps", steps)
    assert told.code == 2
    assert "--steps" in told.errors


def test_weights_may_be_in_a_file(release: Release, tmp_path: Path) -> None:
    """Whoever deploys from Git lets the file be edited: its comments stay, and a history too."""
    path = tmp_path / "weights.yaml"
    path.write_text('# Who gets what.\nprovider: gateway\nbuilds: [{number: "152", weight: 100}]\n')
    cluster = Cluster(tmp_path / "cluster")
    cluster.add(deployment("152"), deployment("153"))
    place = ("--routing-file", "weights.yaml")
    told = release("route", "set", "152=90", "153=10", *place, environ=cluster.environ)
    assert told.code == 0, told.errors
    assert path.read_text().startswith("# Who gets what.\nprovider: gateway\n")
    assert YAML(typ="safe").load(path)["builds"] == [
        {"number": "152", "weight": 90}, {"number": "153", "weight": 10}
    ]  # fmt: skip
    assert release("route", "rollback", *place, environ=cluster.environ).code == 0
    assert YAML(typ="safe").load(path)["builds"] == [{"number": "152", "weight": 100}]


@given(WEIGHTS, st.sampled_from("abcdef"), st.integers(1, 100))
def test_shares_always_add_up(weights: dict[str, int], build: str, share: int) -> None:
    """The rest goes to the others in proportion, to within one per cent, in the same order."""
    others = {name: weight for name, weight in weights.items() if name != build}
    if not others and share < 100:
        with pytest.raises(UsageError, match="no other build"):
            shared(weights, build, share)
        return
    found = shared(weights, build, share)
    assert sum(found.values()) == 100
    assert found[build] == share
    order = [*weights, *([] if build in weights else [build])]
    assert list(found) == [name for name in order if found.get(name)]
    for name, weight in others.items():
        assert abs(found.get(name, 0) - (100 - share) * weight / sum(others.values())) < 1


def test_who_is_mirrored_to_stays_on_the_list() -> None:
    """The routing chart refuses a mirror that is not among the builds."""
    assert shared({"a": 100, "b": 0, "c": 0}, "d", 100, {"b"}) == {"b": 0, "d": 100}


def test_the_bucket_is_the_documented_hash(release: Release) -> None:
    """SHA-256 of salt:user, first 8 bytes big-endian, modulo 100, two digits."""
    digest = hashlib.sha256("spring:learner-1é".encode()).hexdigest()
    expected = f"{int(digest[:16], 16) % 100:02}"
    told = release("bucket", "learner-1é", "--salt", "spring", environ={"PYTHONUTF8": "1"})
    assert told.output == f"{expected}\n"


def test_buckets_are_even_and_salts_are_independent() -> None:
    """Of 20,000 users each bucket has about 200, and another salt mixes them anew."""
    users = [f"user-{n}" for n in range(20_000)]
    counts = Counter(bucket(user, "a") for user in users)
    assert len(counts) == 100
    assert max(abs(count - 200) for count in counts.values()) < 75  # five standard deviations
    low = [user for user in users if bucket(user, "a") < "50"]
    share = sum(bucket(user, "b") < "50" for user in low) / len(low)
    assert share == pytest.approx(0.5, abs=0.03)
