"""`release route` and `release bucket`, with the weights in a fake cluster or in a file."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from tests.release.conftest import Release, Result
from tests.release.fake_cluster import Cluster, deployment
from tests.release.recorded import recorded

from modelsystem_release.commands.bucket import bucket


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """Return a cluster with two ready builds and one that is not; the first has all traffic."""
    routed = Cluster(tmp_path / "cluster")
    routed.add(deployment("152"), deployment("153"), deployment("154", ready=1))
    routed.route({"152": 100}, gateway={"parentRefs": [{"name": "public"}]})
    return routed


class Route:
    """Calls `release route` in a run that Ada has started."""

    def __init__(self, release: Release, cluster: Cluster) -> None:
        self._release, self._cluster = release, cluster

    def __call__(self, *arguments: str) -> Result:
        run = {"BUILD_REQUESTEDFOR": "Ada", "BUILD_BUILDID": "7"}
        return self._release("route", *arguments, environ=self._cluster.environ | run)


@pytest.fixture
def route(release: Release, cluster: Cluster) -> Route:
    """Return a function that calls `release route`."""
    return Route(release, cluster)


def test_weights_are_set_and_the_change_is_recorded(route: Route, cluster: Cluster) -> None:
    """Only the builds change; the change itself is recorded on the route and in Helm."""
    result = route("set", "152=90", "153=10", "--why", "first test")
    assert result.code == 0, result.errors
    assert cluster.routed() == {"152": 90, "153": 10}
    revision = cluster.state["releases"]["modelsystem-routing"][-1]
    assert revision["values"]["gateway"] == {"parentRefs": [{"name": "public"}]}
    assert revision["description"] == ("set by Ada (run 7): 152=100 -> 152=90 153=10: first test")
    (change,) = json.loads(revision["values"]["annotations"]["modelsystem/changes"])
    assert (change["by"], change["why"]) == ("Ada (run 7)", "first test")
    assert (change["before"], change["after"]) == ({"152": 100}, {"152": 90, "153": 10})
    shown = route("show", "--output", "json").json
    assert shown["weights"] == {"152": 90, "153": 10}
    assert shown["changes"] == [change]
    assert "first test" in route("show").output


@pytest.mark.parametrize(
    ("pairs", "fault"),
    [
        (["152=90", "154=10"], "not ready, so without traffic: build 154"),
        (["152=90", "999=10"], "not ready, so without traffic: build 999"),
        (["152=90"], "the weights add up to 90, not to 100"),
        (["152=50", "152=50"], "a build is named twice"),
        (["152"], "152: write BUILD=PERCENT"),
    ],
)
def test_wrong_weights_are_refused(
    route: Route, cluster: Cluster, pairs: list[str], fault: str
) -> None:
    """And nothing is changed."""
    result = route("set", *pairs)
    assert result.code == 2
    assert fault in result.errors
    assert cluster.changing() == []


def test_the_routing_release_is_found_by_its_chart(route: Route, cluster: Cluster) -> None:
    """Whatever its name; two of them must be told apart by --routing."""
    releases = cluster.state["releases"]
    cluster.change(releases={"traffic": releases["modelsystem-routing"]})
    assert route("show", "--output", "json").json["weights"] == {"152": 100}
    cluster.install("second", chart="modelsystem-routing-0.0.0")
    cluster.install("acme", chart="modelsystem-routing-0.0.0", values={"tenant": "acme"})
    result = route("set", "152=90", "153=10")
    assert result.code == 2
    assert "the routing releases traffic, second: use --routing" in result.errors
    assert route("set", "152=90", "153=10", "--routing", "traffic").code == 0


def test_other_routes_are_shown(route: Route, cluster: Cluster) -> None:
    """A promotion does not move them, and says so."""
    other = {
        "kind": "Service", "metadata": {"name": "main"}, "spec": {"selector": {"version": "152"}}
    }  # fmt: skip
    cluster.add(other)
    shown = route("show", "--output", "json").json["others"]
    assert shown == [{"release": "mlrelease-152", "source": "Service main", "owner": ""}]
    assert "Service main" in route("show").output
    planned = route("promote", "153", "--dry-run")
    assert "mlrelease-152 also gets requests from Service main" in planned.errors


def test_a_second_promotion_says_that_it_takes_over(route: Route, cluster: Cluster) -> None:
    """Who began the first one, when, and how far it is; a finished one is not mentioned."""
    change = {
        "id": "1", "action": "promote 153, step 1 of 4", "by": "Bob", "at": "2026-11-26T02:00:00Z",
        "before": {"152": 100}, "after": {"152": 95, "153": 5}, "why": "",
    }  # fmt: skip
    for step, is_named in (("1 of 4", True), ("4 of 4", False)):
        change["action"] = f"promote 153, step {step}"
        annotations = {"modelsystem/changes": json.dumps([change])}
        cluster.route({"152": 95, "153": 5}, annotations=annotations)
        result = route("promote", "153", "--dry-run")
        assert result.code == 0, result.errors
        begun = "promote 153, step 1 of 4 of 2026-11-26T02:00:00Z, begun by Bob, was not finished"
        assert (begun in result.errors) == is_named


def test_a_build_that_is_not_ready_may_be_listed_with_nothing(
    route: Route, cluster: Cluster
) -> None:
    """With weight 0 it can be mirrored to, or kept for testers."""
    assert route("set", "152=100", "154=0").code == 0
    assert cluster.routed() == {"152": 100, "154": 0}


def test_a_dry_run_changes_nothing(route: Route, cluster: Cluster) -> None:
    """It prints the result."""
    result = route("set", "152=90", "153=10", "--dry-run")
    assert "152=90 153=10" in result.output
    plan = route("promote", "153", "--dry-run", "--output", "json").json
    assert plan["steps"][0] == {"152": 95, "153": 5}
    assert plan["steps"][-1] == {"153": 100}
    assert cluster.changing() == []


def test_a_route_that_no_gateway_uses_is_named(route: Route, cluster: Cluster) -> None:
    """The weights are set; the exit code says that something does not answer."""
    (refused,) = [r for r in recorded("httproutes") if r["metadata"]["name"] == "route-port-absent"]
    refused["metadata"]["labels"] = {"app.kubernetes.io/instance": "modelsystem-routing"}
    cluster.add(refused)
    result = route("set", "152=90", "153=10")
    assert result.code == 5
    assert "the weights are set, but HTTPRoute route-port-absent: ResolvedRefs" in result.errors
    assert cluster.routed() == {"152": 90, "153": 10}


def test_rollback_goes_back_change_by_change(route: Route, cluster: Cluster) -> None:
    """Each rollback undoes the latest change that is not undone yet, and is recorded too."""
    route("set", "152=90", "153=10")
    route("set", "152=50", "153=50")
    for expected in ({"152": 90, "153": 10}, {"152": 100}):
        result = route("rollback", "--why", "complaints")
        assert result.code == 0, result.errors
        assert cluster.routed() == expected
    result = route("rollback")
    assert result.code == 2
    assert "no change that could be rolled back" in result.errors
    changes = route("show", "--output", "json").json["changes"]
    assert [change["action"].split(" 2")[0] for change in changes] == [
        "roll back", "roll back", "set", "set"
    ]  # fmt: skip


def test_a_plain_service_cannot_split(route: Route, cluster: Cluster) -> None:
    """So a promotion must be one step."""
    cluster.route({"152": 100}, provider="service")
    result = route("promote", "153")
    assert result.code == 2
    assert "use --steps 100" in result.errors


def test_a_plain_service_moves_new_connections_only(route: Route, cluster: Cluster) -> None:
    """Of a recorded load, 2,925 of 2,925 requests stayed: every command that moves says so."""
    cluster.route({"152": 100}, provider="service")
    promote = ("promote", "153", "--steps", "100", "--dry-run")
    for command in (("set", "153=100"), promote, ("rollback",)):
        result = route(*command)
        assert result.code == 0, result.errors
        assert "provider service moves new connections only" in result.errors
    cluster.route({"152": 100})
    assert "new connections only" not in route("set", "153=100").errors


@pytest.mark.parametrize("steps", ["", "5,5", "50,5", "0,50", "5,101", "five"])
def test_steps_rise_from_1_to_100(route: Route, steps: str) -> None:
    """Anything else is refused before anything moves."""
    result = route("promote", "153", "--steps", steps)
    assert result.code == 2
    assert "--steps" in result.errors


def test_weights_may_be_in_a_file(release: Release, tmp_path: Path) -> None:
    """For deployment from Git: the file is edited, its comments stay, and so does the history."""
    path = tmp_path / "weights.yaml"
    path.write_text('# The weights.\nprovider: gateway\nbuilds: [{number: "152", weight: 100}]\n')
    cluster = Cluster(tmp_path / "cluster")
    cluster.add(deployment("152"), deployment("153"))
    place = ("--routing-file", "weights.yaml")
    result = release("route", "set", "152=90", "153=10", *place, environ=cluster.environ)
    assert result.code == 0, result.errors
    assert path.read_text().startswith("# The weights.\nprovider: gateway\n")
    assert YAML(typ="safe").load(path)["builds"] == [
        {"number": "152", "weight": 90}, {"number": "153", "weight": 10}
    ]  # fmt: skip
    assert release("route", "rollback", *place, environ=cluster.environ).code == 0
    assert YAML(typ="safe").load(path)["builds"] == [{"number": "152", "weight": 100}]


def test_the_bucket_is_the_documented_hash(release: Release) -> None:
    """SHA-256 of salt:user, first 8 bytes big-endian, modulo 100, two digits."""
    digest = hashlib.sha256("spring:learner-1é".encode()).hexdigest()
    expected = f"{int(digest[:16], 16) % 100:02}"
    result = release("bucket", "learner-1é", "--salt", "spring", environ={"PYTHONUTF8": "1"})
    assert result.output == f"{expected}\n"


def test_buckets_are_even_and_salts_are_independent() -> None:
    """Of 20,000 users each bucket has about 200, and another salt mixes them anew."""
    users = [f"user-{n}" for n in range(20_000)]
    counts = Counter(bucket(user, "a") for user in users)
    assert len(counts) == 100
    assert max(abs(count - 200) for count in counts.values()) < 75  # five standard deviations
    low = [user for user in users if bucket(user, "a") < "50"]
    share = sum(bucket(user, "b") < "50" for user in low) / len(low)
    assert share == pytest.approx(0.5, abs=0.03)
