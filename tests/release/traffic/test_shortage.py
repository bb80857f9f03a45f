"""Which recorded situations are a fault of a build under traffic."""

import pytest
from tests.release.recorded import looks

from modelsystem_release.traffic.shortage import Shortage, pods_short

PATIENCE = 30.0


def faults(situation: str) -> list[str]:
    """Return the faults of a build's pods, look by look."""
    shortage, judged = Shortage(PATIENCE), []
    for second, look in looks(situation).items():
        (site,) = [thing for thing in look if thing["kind"] == "Deployment"]
        ready = site["status"].get("readyReplicas", 0)
        fault = shortage.fault(pods_short(ready, site["spec"]["replicas"]), second)
        judged.append("none ready" if not ready else fault)
    return [fault for fault in judged if fault]


@pytest.mark.parametrize("situation", ["scale-up-and-down", "pod-deleted", "rolling-restart"])
def test_pods_that_start_and_end_are_no_fault(situation: str) -> None:
    """An autoscaler, a drain, a deleted pod, a restart."""
    assert faults(situation) == []


def test_a_site_without_a_ready_pod_is_a_fault() -> None:
    """Its only pod was deleted, and the next one refuses the model."""
    assert faults("corrupt-model-of-a-ready-site")


def test_what_stays_short_is_a_fault() -> None:
    """With the time; a full site in between begins anew."""
    shortage = Shortage(PATIENCE)
    assert shortage.fault("1 of 2 pods are ready", 100) == ""
    assert shortage.is_on
    assert shortage.fault("", 120) == ""
    assert not shortage.is_on
    assert shortage.fault("1 of 2 pods are ready", 125) == ""
    assert shortage.fault("1 of 2 pods are ready", 154) == ""
    assert shortage.fault("1 of 2 pods are ready", 155) == "1 of 2 pods are ready (for 30 s)"
