"""The dashboard's queries, asked of a real Prometheus that scrapes two running sites."""

import contextlib
import json
import math
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml
from tests.helm.charts import Release, Render, the
from tests.integration.conftest import QUICK, catalogue, get, interactions
from tests.programs import (
    answers,
    command,
    debian_program,
    environment,
    free_port,
    is_ready,
    run,
    running,
    wait_for,
)

BUILDS = ("20180522.1", "20180523.10")
NAMESPACE = "models"
VALUES = {
    "builds": [{"number": BUILDS[0], "weight": 90}, {"number": BUILDS[1], "weight": 10}],
    "gateway": {"parentRefs": [{"name": "public"}]},
    "alerts": {"enabled": True, "labels": {"release": "prometheus"}},
    "dashboard": {"enabled": True, "annotations": {"grafana_folder": "Models"}},
}


@pytest.fixture
def release(render: Render, tmp_path: Path) -> Release:
    """Return the routing of both builds, with rules and dashboard."""
    path = tmp_path / "values.yaml"
    path.write_text(yaml.safe_dump(VALUES))
    return render(path, chart="modelsystem-routing")


@pytest.fixture
def dashboard(release: Release) -> dict[str, Any]:
    """Return the dashboard as Grafana reads it."""
    [content] = the(release, "ConfigMap")["data"].values()
    parsed: dict[str, Any] = json.loads(content)
    return parsed


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[list[int]]:
    """Train and serve both builds, and return the sites' ports."""
    export = tmp_path / "export"
    export.mkdir()
    (export / "interactions.csv").write_bytes(interactions())
    (export / "items.csv").write_bytes(catalogue())
    ports = []
    with contextlib.ExitStack() as stack:
        for build in BUILDS:
            variables: dict[str, Any] = {**QUICK, "BUILDNUMBER": build}
            folder = tmp_path / build
            trained = run("trainer", MODELFOLDER=folder, CSV_FOLDER=export, **variables)
            assert trained.code == 0, trained.output
            ports.append(free_port())
            site = environment(MODELFOLDER=folder, HOST="127.0.0.1", PORT=ports[-1], WORKERS=1)
            process = running(command("scorer"), env=site, stdout=subprocess.DEVNULL)
            wait_for(lambda: answers(ports[-1]), stack.enter_context(process))
        yield ports


@pytest.fixture
def prometheus(sites: list[int], release: Release, tmp_path: Path) -> Iterator[str]:
    """Run Prometheus as the operator would have it: with the monitor's labels and the rules."""
    rules = the(release, "PrometheusRule")["spec"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    targets = [
        {
            "targets": [f"127.0.0.1:{port}"],
            "labels": {"namespace": NAMESPACE, "version": build.replace(".", "-")},
        }
        for port, build in zip(sites, BUILDS, strict=True)
    ]
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [{"job_name": "sites", "static_configs": targets}],
    }
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
    program, port = debian_program("prometheus", "prometheus"), free_port()
    options = [
        f"--config.file={tmp_path}/prometheus.yaml", f"--web.listen-address=127.0.0.1:{port}",
        f"--storage.tsdb.path={tmp_path}/tsdb",
    ]  # fmt: skip
    with running([program, *options], stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: is_ready(f"{url}/-/ready"), process)
        yield url


def ask(prometheus: str, query: str) -> list[tuple[dict[str, str], float]]:
    """Return labels and value of each sample, as Prometheus has them now."""
    parameters = urlencode({"query": query})
    with urlopen(f"{prometheus}/api/v1/query?{parameters}") as answer:
        result = json.load(answer)["data"]["result"]
    return [(sample["metric"], float(sample["value"][1])) for sample in result]


def queries(dashboard: dict[str, Any]) -> dict[str, str]:
    """Return all queries by panel and letter, as Grafana would send them for all builds."""
    return {
        f"{panel['title']} {target['refId']}": (
            target["expr"].replace("$namespace", NAMESPACE).replace("$version", ".*")
            .replace("$__rate_interval", "20s")
        )
        for panel in dashboard["panels"] for target in panel["targets"]
    }  # fmt: skip


def test_every_panel_has_data_of_both_builds(
    dashboard: dict[str, Any], prometheus: str, sites: list[int]
) -> None:
    """Each query of the dashboard returns a number for each build that answers requests."""
    queries_of_panels = queries(dashboard)
    missing = set(queries_of_panels)
    deadline = time.monotonic() + 60
    while missing and time.monotonic() < deadline:
        for port in sites:
            for user in ("learner-1", "nobody"):
                get(f"http://127.0.0.1:{port}/v1/users/{user}/recommendations")
        results = {name: ask(prometheus, query) for name, query in queries_of_panels.items()}
        missing = {
            name
            for name, samples in results.items()
            if len(samples) != len(BUILDS) or any(math.isnan(value) for _, value in samples)
        }
        time.sleep(0.5)
    assert not missing
    assert [value for _, value in sorted(results["Weight A"], key=str)] == [90, 10]
    assert sum(value for _, value in results["Share of the requests A"]) == pytest.approx(1)
    assert all(0 < value < 1 for _, value in results["Fallback A"])
    assert {labels["build"] for labels, _ in results["Score by night A"]} == set(BUILDS)


def test_the_dashboard_is_found_by_the_sidecar(release: Release, dashboard: dict[str, Any]) -> None:
    """By the ConfigMap's label; it names its place, so that two of them can be told apart."""
    metadata = the(release, "ConfigMap")["metadata"]
    assert metadata["labels"]["grafana_dashboard"] == "1"
    assert metadata["annotations"]["grafana_folder"] == "Models"
    assert dashboard["title"] == "modelsystem models/scoring"
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert variables == {"datasource", "namespace", "version"}
    assert the(release, "PrometheusRule")["metadata"]["labels"]["release"] == "prometheus"
