"""`release status` and `release doctor` with real sites; only the cluster around them is a fake."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from tests.integration.conftest import Live
from tests.release.fake_cluster import claim, http_route


@pytest.fixture
def split(live: Live) -> Live:
    """Route 90 % of the traffic to build 152 and 10 % to 153, by a Gateway that accepts it."""
    live.cluster.route({"152": 90, "153": 10})
    live.cluster.add(http_route("152", "153"), claim())
    for build in ("152", "153"):
        live.cluster.install(f"mlrelease-{build}", app_version=build)
    return live


def looks(live: Live, *arguments: str) -> dict[str, Any]:
    """Return the builds of one look, by their numbers."""
    ended = live.release("status", "--output", "json", *arguments)
    assert ended.code == 0, ended.output
    output = ended.output[ended.output.index("{") :]  # behind the log
    return {build["number"]: build for build in json.loads(output)["builds"]}


def test_two_routed_builds_at_a_glance(split: Live) -> None:
    """Each has its weight, and the score, rows, last day and size of its own manifest."""
    builds = looks(split, "--over", "0")
    assert {number: build["share"]["weight"] for number, build in builds.items()} == {
        "152": 90, "153": 10,
    }  # fmt: skip
    for number, build in builds.items():
        manifest = split.sites[number].ask("/v1/provenance")["model"]
        assert build["facts"] == {
            "build": number,
            "digest": manifest["digest"],
            "score": manifest["metrics"]["model"]["at"]["20"]["ndcg"]["mean"],
            "rows": 24000,
            "last_day": "2018-04-29",
            "size": sum(file["size"] for file in manifest["files"]),
            "broken_rules": [],
        }
    (line,) = [
        line
        for line in split.release("status", "--over", "0").output.splitlines()
        if line.startswith("152")
    ]
    assert "90 %, champion" in line
    assert "24,000  2018-04-29" in line


def test_requests_are_counted_between_two_looks(split: Live) -> None:
    """What came before does not count, and a status below 500 is no error."""
    url = f"http://127.0.0.1:{split.sites['152'].port}/v1/items?k=1&q="
    urllib.request.urlopen(url + "i").read()
    with split.start("status", "--watch", "0.2", "--output", "json") as process:
        assert process.stdout
        first = json.loads(process.stdout.readline())["builds"]
        assert {build["recent"] for build in first} == {None}
        for _ in range(3):
            urllib.request.urlopen(url + "i").read()
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(url + "&k=2")
        counts = {"152": 0, "153": -1}
        while counts != {"152": 4, "153": 0}:
            builds = json.loads(process.stdout.readline())["builds"]
            counts = {build["number"]: build["recent"]["requests"] for build in builds}
            assert counts["152"] <= 4
            assert all(build["recent"]["failed"] == 0 for build in builds)


def test_a_refused_verdict_is_recorded_on_the_build(split: Live) -> None:
    """The gate leaves its verdict, and the status shows it."""
    (split.folder / "strict.yaml").write_text("p50_ms: {ceiling: 0.000001}\n")
    ended = split.release("gate", "153", "--rules", "strict.yaml")
    assert ended.code == 8, ended.output
    gate = looks(split, "--over", "0")["153"]["gate"]
    assert (gate["passed"], gate["champion"]) == (False, "152")
    assert "p50_ms: " in gate["reason"]


def test_everything_holds_of_a_routed_build(split: Live) -> None:
    """All steps, with the exit code 0."""
    ended = split.release("doctor", "153", "--output", "json")
    assert ended.code == 0, ended.output
    steps = {step["step"]: step for step in json.loads(ended.output)["steps"]}
    assert {step["outcome"] for step in steps.values()} == {"ok"}
    assert "2 of 2 pods are ready, score 0." in steps["site"]["sentence"]
    assert "10 % by release modelsystem-routing, sent by HTTPRoute" in steps["route"]["sentence"]


def test_a_route_that_was_removed_by_hand_is_a_fault(split: Live) -> None:
    """The weights promise requests that nothing sends."""
    kept = [thing for thing in split.cluster.state["objects"] if thing["kind"] != "HTTPRoute"]
    split.cluster.change(objects=kept)
    ended = split.release("doctor", "153")
    assert ended.code == 4, ended.output
    assert "requests: 10 % by release modelsystem-routing, sent by nothing" in ended.output
    assert "set the weights again" in ended.output
