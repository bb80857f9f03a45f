"""From one snapshot to a stage, or to why there is nothing to wait for."""

from typing import Any

import pytest
from tests.release.fake_cluster import deployment, job, pod

from modelsystem_release.cluster import faults, watching
from modelsystem_release.cluster.watcher import latest_progress
from modelsystem_release.cluster.watching import Snapshot, Stage


def snapshot(*things: dict[str, Any]) -> Snapshot:
    """Return a snapshot of these objects."""
    of_kind = [[t for t in things if t["kind"] == kind] for kind in ("Job", "Deployment", "Pod")]
    return Snapshot(*of_kind)


@pytest.mark.parametrize(
    ("stage", "text", "is_training"),
    [
        (Stage(False, "", 0, 2), "training: starting; site: 0 of 2 pods ready", True),
        (Stage(False, "fit: 5 %", 0, 2), "training: fit: 5 %; site: 0 of 2 pods ready", True),
        (Stage(True, "fit: 5 %", 0, 2), "training: done; site: 0 of 2 pods ready", False),
        (
            Stage(False, "", 0, 2, "killed"),
            "training: starting (again, after: killed); site: 0 of 2 pods ready",
            True,
        ),
        (Stage(True, "", 2, 2), "training: done; site: 2 of 2 pods ready", False),
    ],
)
def test_a_stage_is_one_line(stage: Stage, text: str, is_training: bool) -> None:
    """Training first, then the site."""
    assert str(stage) == text
    assert stage.is_training == is_training


def test_the_deadline_is_that_of_the_deployment() -> None:
    """Without one it is Kubernetes' default."""
    assert watching.deadline(snapshot(deployment("152"))) == 1500
    assert watching.deadline(snapshot()) == 600


def test_a_failed_job_outranks_a_pod_that_cannot_start() -> None:
    """The training's own reason is what an operator needs."""
    waiting = {"reason": "ImagePullBackOff", "message": "no image"}
    stuck = pod("s", "152", containerStatuses=[{"name": "scorer", "state": {"waiting": waiting}}])
    failed = snapshot(job("152", Failed="DeadlineExceeded"), stuck)
    assert str(faults.failure(failed)) == "the training failed: DeadlineExceeded"


def test_the_latest_progress_of_a_log_is_found() -> None:
    """In JSON lines or in text, among other messages."""
    assert latest_progress('{"message": "search: 5 %"}\nnoise\n{"a": 1}\n[]\n') == "search: 5 %"
    assert latest_progress("fit: 10 %\nfit: 20 %\nDone in 20 %: fine\n") == "fit: 20 %"
    assert latest_progress("nothing\n") == ""
