"""Every alert fires for its reason, and only for that: `promtool` evaluates the rendered rules."""

import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from tests.helm.charts import ROOT, Release, Render, the
from tests.programs import debian_program

BUILD, OLD, JOB = "20180523.10", "20180522.1", "trainingjob-20180523-10"
DAY = 24 * 60  # minutes; promtool's time begins at 1970-01-01 00:00 UTC, ours a day later
START = DAY
END = START + DAY // 2
NAMESPACE = 'namespace="models"'
NEW, CHAMPION = (
    f'{NAMESPACE},version="{build.replace(".", "-")}",build="{build}",tenant=""'
    for build in (BUILD, OLD)
)
ASKED = f'{NAMESPACE},version="20180523-10",route="/v1/recommendations",status='
SECONDS = f"modelsystem_scorer_request_seconds_bucket{{{ASKED.removesuffix('status=')}le="
CLAIM = f'{NAMESPACE},persistentvolumeclaim="azurefilecustom"'
PUSHED = f'{NAMESPACE},build="{BUILD}",tenant="",job="modelsystem"'
RUNBOOK = "https://git.example/docs/operations.md"

Series = dict[str, str]


def trained(labels: str) -> str:
    """Return the series of the time of a training."""
    return f"modelsystem_scorer_model_trained_timestamp_seconds{{{labels}}}"


def at(minute: int) -> str:
    """Return a series that is the time `minute` minutes after the start, as long as needed."""
    return f"{(START + minute) * 60}+0x{END}"


def constant(value: float) -> str:
    """Return a series of one value."""
    return f"{value}+0x{END}"


# The healthy night: the champion of yesterday and a new build, trained at 04:00, share the traffic.
# At 09:00 of the second day nothing fires.
NOW = 9 * 60
HEALTHY: Series = {
    trained(CHAMPION): at(4 * 60 - DAY),
    trained(NEW): at(4 * 60),
    f"modelsystem_scorer_data_last_timestamp_seconds{{{NEW}}}": at(-60),
    f"modelsystem_scorer_data_rules_broken{{{NEW}}}": constant(0),
    f"modelsystem_scorer_model_info{{{NEW}}}": constant(1),
    f"modelsystem_scorer_model_info{{{CHAMPION}}}": constant(1),
    f'modelsystem_scorer_requests_total{{{ASKED}"200"}}': f"0+1000x{END}",
    f'modelsystem_scorer_requests_total{{{ASKED}"500"}}': f"0+0x{END}",
    f'{SECONDS}"0.1"}}': f"0+999x{END}",
    f'{SECONDS}"+Inf"}}': f"0+1000x{END}",
    SECONDS.replace("_bucket", "_count").removesuffix(",le=") + "}": f"0+1000x{END}",
    f"kubelet_volume_stats_available_bytes{{{CLAIM}}}": constant(40e9),
    f"kubelet_volume_stats_capacity_bytes{{{CLAIM}}}": constant(100e9),
    f'kube_job_created{{{NAMESPACE},job_name="{JOB}"}}': at(3 * 60),
    f'kube_job_status_start_time{{{NAMESPACE},job_name="{JOB}"}}': at(3 * 60),
    f'kube_job_status_active{{{NAMESPACE},job_name="{JOB}"}}': constant(0),
    f'kube_job_failed{{{NAMESPACE},job_name="{JOB}",condition="true"}}': constant(0),
    f"modelsystem_waiter_exit_code{{{PUSHED}}}": constant(0),
    f"modelsystem_gate_passed{{{PUSHED}}}": constant(1),
}


class Case(NamedTuple):
    """What is unlike the healthy night, and what fires then.

    changes: series, as in `HEALTHY`; None: it is not there.
    fires: for each alert its labels and its summary.
    """

    changes: Mapping[str, str | None]
    fires: Mapping[str, tuple[Mapping[str, str], str]] = {}
    minute: int = NOW


def of(build: str) -> dict[str, str]:
    """Return the labels of an alert on a routed build."""
    return {"namespace": "models", "version": build.replace(".", "-"), "build": build}


FAILED_JOB = f'kube_job_failed{{{NAMESPACE},job_name="{JOB}",condition="true"}}'
ACTIVE_JOB = f'kube_job_status_active{{{NAMESPACE},job_name="{JOB}"}}'
OF_JOB = {"namespace": "models", "job_name": JOB, "build": BUILD}
OF_WAITER = {"namespace": "models", "build": BUILD}
EXIT = f"modelsystem_waiter_exit_code{{{PUSHED}}}"
GATE = f"modelsystem_gate_passed{{{PUSHED}}}"
BAD = f'modelsystem_scorer_requests_total{{{ASKED}"500"}}'
FAST = f'{SECONDS}"0.1"}}'
NEWER = trained(NEW.replace("20180523", "20180524"))  # ready after the failed one
NO_BUILD = {"ModelsystemNoNewBuild": ({}, "No new build is ready, which is due at 06:00 UTC")}
CASES = {
    "healthy": Case({}),
    "before the hour": Case({trained(NEW): None}, minute=5 * 60 + 30),
    "no new build": Case({trained(NEW): None}, NO_BUILD),
    "yesterday's build was late": Case({trained(NEW): at(8 * 60 - DAY)}, NO_BUILD),
    "late, but ready": Case({trained(NEW): at(7 * 60)}),
    "no site at all": Case({trained(NEW): None, trained(CHAMPION): None}, NO_BUILD),
    "another tenant's build": Case(
        {trained(NEW): None, trained(NEW.replace('tenant=""', 'tenant="b"')): at(4 * 60)}, NO_BUILD
    ),
    "the champion is old": Case(
        {trained(CHAMPION): at(4 * 60 - 3 * DAY)},
        {"ModelsystemRoutedBuildOld": (
            of(OLD), f"Build {OLD} gets traffic, and was trained 3d 5h 0m 0s ago")},
    ),
    "an old build without traffic": Case(
        {trained(CHAMPION.replace("20180522", "20180501")): at(-6 * DAY)}
    ),
    "old data": Case(
        {f"modelsystem_scorer_data_last_timestamp_seconds{{{NEW}}}": at(-3 * DAY)},
        {"ModelsystemRoutedDataOld": (
            of(BUILD), f"Build {BUILD} gets traffic, and its data ends 3d 9h 0m 0s ago")},
    ),
    "odd data": Case(
        {f"modelsystem_scorer_data_rules_broken{{{NEW}}}": constant(2)},
        {"ModelsystemDataRulesBroken": (
            of(BUILD), f"Build {BUILD} gets traffic, and its data breaks 2 of its rules")},
    ),
    "no pods": Case(
        {f"modelsystem_scorer_model_info{{{NEW}}}": None},
        {"ModelsystemRoutedBuildGone": (
            of(BUILD),
            f"Build {BUILD} should get 10 % of the traffic, and none of its pods answers "
            "Prometheus")},
    ),
    "two of a hundred requests fail": Case(
        {BAD: f"0+20x{END}"},
        {"ModelsystemErrors": (
            {"namespace": "models", "version": "20180523-10"},
            "1.961% of the requests to 20180523-10 fail; 0.1 % are allowed")},
    ),
    "one of ten thousand fails": Case({BAD: f"0+0.1x{END}"}),
    "a burst of errors is over": Case({BAD: f"0+0x{START + NOW - 45} 0+60x15 900+0x{DAY}"}),
    "a build without traffic fails": Case(
        {f'modelsystem_scorer_requests_total{{{ASKED.replace("20180523", "20180501")}"500"}}':
         f"0+20x{END}"}
    ),
    "slow": Case(
        {FAST: f"0+800x{END}"},
        {"ModelsystemSlow": (
            {"namespace": "models", "version": "20180523-10"},
            "20% of the requests to 20180523-10 take more than 0.1 s; 1 % may")},
    ),
    "a little slow": Case({FAST: f"0+960x{END}"}),
    "the share is full": Case(
        {f"kubelet_volume_stats_available_bytes{{{CLAIM}}}": constant(5e9)},
        {"ModelsystemShareFull": (
            {"namespace": "models", "persistentvolumeclaim": "azurefilecustom"},
            "5% of the volume of claim azurefilecustom is free")},
    ),
    "the training failed": Case(
        {FAILED_JOB: constant(1), trained(NEW): None},
        {"ModelsystemTrainingFailed": (OF_JOB, f"The training of build {BUILD} has failed"),
         **NO_BUILD},
    ),
    "the training failed, a newer build is ready": Case(
        {FAILED_JOB: constant(1), EXIT: constant(3), GATE: constant(0), trained(NEW): None,
         NEWER: at(8 * 60)}
    ),
    "the training stalls": Case(
        {ACTIVE_JOB: constant(1)},
        {"ModelsystemTrainingStalled": (
            OF_JOB,
            f"The training of build {BUILD} has run for 6h 0m 0s; it is stopped after 3600 s")},
    ),
    "the training is young": Case({ACTIVE_JOB: constant(1)}, minute=3 * 60 + 30),
    "the training died": Case(
        {EXIT: constant(3)},
        {"ModelsystemWaiterFailed": (
            OF_WAITER, f"A waiter of build {BUILD} has ended with exit code 3")},
    ),
    "a pod's copy is damaged, another's is not": Case(
        {EXIT: f"0+0x{START + NOW - 10} 4+0x3 0+0x{DAY}", NEWER: at(8 * 60)},
        {"ModelsystemWaiterFailed": (
            OF_WAITER, f"A waiter of build {BUILD} has ended with exit code 4")},
    ),
    "a full disk is no damage": Case({EXIT: constant(5)}),
    "the gate refuses": Case(
        {GATE: constant(0)},
        {"ModelsystemGateRefused": (
            OF_WAITER, f"The gate refuses build {BUILD}, or cannot judge it")},
    ),
    "the gate has not judged": Case({GATE: None}),
    "a build of this number fails in another namespace": Case(
        {name.replace('"models"', '"other"'): constant(value)
         for name, value in ((EXIT, 4), (GATE, 0))}
    ),
}  # fmt: skip


@pytest.fixture(scope="session")
def promtool() -> str:
    """Return the path of promtool."""
    return debian_program("promtool", "prometheus")


@pytest.fixture
def rules(render: Render, tmp_path: Path) -> list[dict[str, Any]]:
    """Return the rules of both charts, written to `rules.yaml` for promtool."""
    alerts = json.dumps({"enabled": True, "runbook": RUNBOOK})
    values = tmp_path / "values.yaml"
    values.write_text(
        f'{{build: {{number: "{BUILD}"}}, env: {{CSV_FOLDER: /d}}, alerts: {alerts}}}'
    )
    routing = tmp_path / "routing.yaml"
    routing.write_text(
        f'{{builds: [{{number: "{OLD}", weight: 90}}, {{number: "{BUILD}", weight: 10}}], '
        f"gateway: {{parentRefs: [{{name: public}}]}}, alerts: {alerts}}}"
    )
    groups = [
        group
        for release in (render(values), render(routing, chart="modelsystem-routing"))
        for group in the(release, "PrometheusRule")["spec"]["groups"]
    ]
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": groups}))
    return [rule for group in groups for rule in group["rules"]]


def alerts(rules: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the alerts by name."""
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


def written(case: Case, rules: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a case as promtool reads it: what fires, and of all other alerts that they do not."""
    series = {**HEALTHY, **case.changes}
    return {
        "interval": "1m",
        "input_series": [
            {"series": name, "values": values}
            for name, values in series.items()
            if values is not None
        ],
        "alert_rule_test": [
            {
                "eval_time": f"{START + case.minute}m",
                "alertname": name,
                "exp_alerts": [expected(rule, *case.fires[name])] if name in case.fires else [],
            }
            for name, rule in alerts(rules).items()
        ],
    }


def expected(rule: Mapping[str, Any], labels: Mapping[str, str], summary: str) -> dict[str, Any]:
    """Return an alert that fires."""
    annotations = {"summary": summary, "runbook_url": f"{RUNBOOK}#{rule['alert'].lower()}"}
    own = {name: value for name, value in rule["labels"].items() if value}
    return {"exp_labels": {**own, **labels}, "exp_annotations": annotations}


def evaluated(promtool: str, folder: Path, tests: list[dict[str, Any]]) -> str:
    """Return what promtool says; nothing if all is as expected."""
    content = {"rule_files": ["rules.yaml"], "evaluation_interval": "30m", "tests": tests}
    (folder / "tests.yaml").write_text(json.dumps(content))
    command = [promtool, "test", "rules", "tests.yaml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_each_alert_fires_for_its_reason_only(
    promtool: str, rules: list[dict[str, Any]], tmp_path: Path
) -> None:
    """In each case exactly the alerts that it names, with their labels and sentences."""
    assert not evaluated(promtool, tmp_path, [written(case, rules) for case in CASES.values()])


def test_every_alert_is_tested(rules: list[dict[str, Any]]) -> None:
    """No alert without a case in which it fires."""
    assert {name for case in CASES.values() for name in case.fires} == set(alerts(rules))


def test_the_test_can_fail(promtool: str, rules: list[dict[str, Any]], tmp_path: Path) -> None:
    """An alert that is expected and does not fire is an error."""
    wrong = Case({}, CASES["the share is full"].fires)
    assert "ModelsystemShareFull" in evaluated(promtool, tmp_path, [written(wrong, rules)])


def test_the_runbook_has_each_alert(rules: list[dict[str, Any]]) -> None:
    """docs/operations.md has a heading for each link, and no other alert."""
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^### (Modelsystem\w+)$", page, re.MULTILINE)) == set(alerts(rules))


def test_alerts_and_dashboard_are_off_by_default(any_release: Release) -> None:
    """A cluster without the Prometheus Operator or Grafana can install both charts."""
    assert not [m for m in any_release if m["kind"] in ("PrometheusRule", "ConfigMap")]


def test_the_rules_of_a_tenant_are_of_its_builds(render: Render, tmp_path: Path) -> None:
    """Weights have the tenant's names, and no query is about other tenants."""
    path = tmp_path / "values.yaml"
    values = {
        "tenant": "acme", "builds": [{"number": "9", "weight": 100}], "alerts": {"enabled": True},
        "gateway": {"parentRefs": [{"name": "public"}]},
    }  # fmt: skip
    path.write_text(yaml.safe_dump(values))
    text = json.dumps(the(render(path, chart="modelsystem-routing"), "PrometheusRule"))
    assert '"version": "9-acme"' in text
    assert 'tenant=\\\\\\"\\\\\\"' not in text
