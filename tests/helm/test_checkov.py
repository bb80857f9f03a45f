"""Checkov, a scanner of security settings, on the production values."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from tests.helm.charts import CHARTS, ROOT, VALUES, find_helm

PROGRAM = ROOT / ".tools" / "checkov" / "bin" / "checkov"
# The checks that fail, each with the reason why the chart stays as it is.
EXPLAINED = {
    (
        "CKV_K8S_35",
        "Job",
    ): "the trainer reads the key from a variable; with workload identity there is none",
    ("CKV_K8S_8", "Pod"): "the pod of `helm test` ends by itself: it needs no liveness probe",
    ("CKV_K8S_9", "Pod"): "the pod of `helm test` gets no requests: it needs no readiness probe",
}


def test_no_failed_check_is_unexplained(tmp_path: Path) -> None:
    """Every check that fails on the rendered production values has its reason above."""
    if not PROGRAM.exists():
        pytest.skip("checkov is not installed: `make helm-test` installs it")
    rendered = find_helm(4).run(
        "template", "r", CHARTS / "modelsystem", "-n", "models", "-f", VALUES / "production.yaml"
    )
    manifests = tmp_path / "production.yaml"
    manifests.write_text(rendered.output, encoding="utf-8")
    ended = subprocess.run(
        [PROGRAM, "--skip-download", "--framework", "kubernetes", "-o", "json", "-f", manifests],
        env={**os.environ, "LOG_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    report = json.loads(ended.stdout)
    assert report["summary"]["passed"] > 200
    failed = {
        (check["check_id"], check["resource"].partition(".")[0])
        for check in report["results"]["failed_checks"]
    }
    assert failed == set(EXPLAINED)
