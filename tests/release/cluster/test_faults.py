"""What a real cluster showed, look by look, and when the tool knows what is wrong."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from tests.release.recorded import Look, looks

from modelsystem_release.cluster import faults, watcher, watching
from modelsystem_release.cluster.objects import container_statuses
from modelsystem_release.cluster.watching import Snapshot
from modelsystem_shared.errors import ModelSystemError

KINDS = ("Job", "Deployment", "Pod", "PersistentVolumeClaim", "Event")


def snapshot(look: Look) -> Snapshot:
    """Return the snapshot that the tool takes of a look."""
    return Snapshot(*([thing for thing in look if thing["kind"] == kind] for kind in KINDS))


def first_failure(situation: str) -> tuple[int, ModelSystemError | None]:
    """Return the first failure of a situation, and its second."""
    for second, look in looks(situation).items():
        if error := faults.failure(snapshot(look)):
            return second, error
    return -1, None


def delays(situation: str) -> dict[int, str | None]:
    """Return what delays a situation, by its second."""
    return {second: delay(look) for second, look in looks(situation).items()}


def delay(look: Look) -> str | None:
    """Return what delays a look, with a training that has not logged progress."""
    error = faults.delay(snapshot(look), is_advancing=False)
    return error and str(error)


DAMAGED = "is not the file that manifest.json lists; no better for"
FAILURES = {
    "bad-data": (51, 3, "the training failed: 1 malformed rows, and MAX_BAD_ROWS is 0: "
                 "interactions.csv line 2: 1 fields where the header has 3"),
    "trainer-oomkilled": (146, 3, "the training failed: killed for memory at 64Mi "
                          "(trainer.resources.limits.memory)"),
    "training-deadline": (62, 3, "the training failed: it was not done after 60 s "
                          "(trainer.deadlineSeconds)"),
    "refused-but-site-ready": (21, 3, "the training failed: NEIGHBOURS is '7', but this folder's "
                               "complete model was made with None"),
    "corrupt-model-installed-again": (70, 4, DAMAGED),
    "corrupt-model-of-a-ready-site": (62, 4, DAMAGED),
    "waiter-oomkilled": (54, 6, "ends again and again: killed for memory at 16Mi "
                         "(waiter.resources.limits.memory)"),
    "scorer-oomkilled": (89, 6, "ends again and again: killed for memory at 32Mi "
                         "(scorer.resources.limits.memory)"),
    "secret-missing": (4, 6, 'CreateContainerConfigError: secret "storage-113" not found'),
    "emptydir-eviction": (200, 6, 'evicted again and again: Usage of EmptyDir volume "model" '
                          'exceeds the limit "8Ki"'),
}  # fmt: skip


@pytest.mark.parametrize("situation", FAILURES)
def test_a_failure_is_named_as_soon_as_the_cluster_shows_it(situation: str) -> None:
    """With its exit code, and the value or the file that is to be changed."""
    second, code, sentence = FAILURES[situation]
    known_at, error = first_failure(situation)
    assert error is not None
    assert (known_at, error.exit_code) == (second, code), error
    assert sentence in str(error)


@pytest.mark.parametrize(
    "situation",
    ["healthy", "scale-up-and-down", "pod-deleted", "rolling-restart", "autoscaled-install"],
)
def test_a_healthy_build_has_no_failure(situation: str) -> None:
    """Nor anything that delays it in the end."""
    assert first_failure(situation) == (-1, None)
    assert [*delays(situation).values()][-1] is None


DELAYS = {
    "serviceaccount-missing": 'serviceaccount "modelsystem-114" not found',
    "quota-exceeded": "exceeded quota: team-quota, requested: limits.memory=1Gi",
    "pod-security": 'violates PodSecurity "restricted:latest"',
    "claim-pending": "is Pending, not Bound",
    "claim-missing": 'persistentvolumeclaim "models-112" not found',
    "unschedulable": "Insufficient cpu",
    "trainer-image-missing": "localhost:5000/public/trainer:107",
    "waiter-image-unreachable": "cannot start: ",
    "scorer-image-refused": "401 Unauthorized",
}


@pytest.mark.parametrize("situation", DELAYS)
def test_a_delay_is_named_and_stays(situation: str) -> None:
    """It may pass; if it does not, --patience ends it with these words."""
    assert first_failure(situation) == (-1, None)
    texts = [*delays(situation).values()]
    assert any(text and DELAYS[situation] in text for text in texts), texts
    begun = next(place for place, text in enumerate(texts) if text)
    if situation != "quota-exceeded":
        assert all(texts[begun:]), texts


def test_a_delay_that_passes_is_over() -> None:
    """The quota was raised, and the events of its refusals are still there."""
    texts = delays("quota-exceeded")
    assert texts[2]
    assert texts[170] is None


def test_a_site_is_not_ready_before_its_training_is_complete() -> None:
    """The folder held a model of other settings: it was served, and the training refused."""
    by_second = {s: snapshot(look) for s, look in looks("refused-but-site-ready").items()}
    served = [s for s, shot in by_second.items() if watching.stage(shot, "").ready]
    assert served[0] == 7
    assert not any(map(watching.is_ready, by_second.values()))


def test_a_removed_job_was_complete() -> None:
    """`ttlSecondsAfterFinished` removes it, and the build can be deployed again."""
    (*_, last) = looks("healthy").values()
    without = snapshot([thing for thing in last if thing["kind"] != "Job"])
    assert watching.is_ready(without)


def test_an_attempt_that_was_killed_is_in_the_stage() -> None:
    """While the Job tries again."""
    look = looks("trainer-oomkilled")[48]
    killed = "killed for memory at 64Mi (trainer.resources.limits.memory)"
    assert faults.failed_attempt(snapshot(look)) == killed


def mounting(uid: str) -> dict[str, Any]:
    """Return the event of a share that does not answer."""
    return {
        "kind": "Event", "metadata": {"name": "e"}, "type": "Warning", "reason": "FailedMount",
        "involvedObject": {"kind": "Pod", "name": "p", "uid": uid},
        "message": 'MountVolume.MountDevice failed for volume "pvc-1": mount error(115)',
        "lastTimestamp": "2026-11-26T05:48:13Z",
    }  # fmt: skip


def test_a_share_that_cannot_be_mounted_is_named() -> None:
    """The storage's port is closed: the pods stay in ContainerCreating."""
    (first, *_) = looks("training-deadline").values()
    pod = next(thing for thing in first if thing["kind"] == "Pod")
    reason = delay([*first, mounting(pod["metadata"]["uid"])])
    assert reason is not None
    assert "cannot mount its volume: MountVolume.MountDevice failed" in reason
    assert delay([*first, mounting("another")]) is None


SILENT = "https://etl.blob.core.windows.net: the storage does not answer (refused)"


def ended_as(look: Look, container: str, code: int, message: str) -> Look:
    """Return a look in which a container's ends have another exit code and last words."""
    changed = deepcopy(look)
    for pod in [thing for thing in changed if thing["kind"] == "Pod"]:
        for status in container_statuses(pod):
            for state in (status.get("state", {}), status.get("lastState", {})):
                if status["name"] == container and "terminated" in state:
                    state["terminated"] |= {
                        "exitCode": code, "message": message, "reason": "Error"
                    }  # fmt: skip
    return changed


def test_a_storage_that_does_not_answer_is_named_while_the_training_tries_again() -> None:
    """With the trainer's sentence and code 5; a training that advances has reached it."""
    look = ended_as(looks("trainer-oomkilled")[48], "trainer", 5, SILENT)
    assert faults.failure(snapshot(look)) is None
    error = faults.delay(snapshot(look), is_advancing=False)
    assert error is not None
    assert (error.exit_code, str(error)) == (5, f"the training cannot go on: {SILENT}")
    assert faults.delay(snapshot(look), is_advancing=True) is None


@pytest.mark.parametrize(
    ("code", "exit_code", "sentence"),
    [
        (2, 6, "MODELCACHE_LIMIT is 8,192 bytes, and the model takes 102,400: raise it "
               "(modelCache.sizeLimit of the chart)"),
        (5, 6, "MODELCACHE /model cannot hold the model: No space left on device"),
        (4, 4, "the model of build 106 is corrupt"),
    ],
)  # fmt: skip
def test_a_waiter_that_a_restart_does_not_help_is_named(
    code: int, exit_code: int, sentence: str
) -> None:
    """As soon as it has ended twice, where a real waiter was killed again and again."""
    by_second = looks("waiter-oomkilled")
    changed = {
        s: ended_as(look, "waiter-container", code, sentence) for s, look in by_second.items()
    }
    errors = {s: error for s, look in changed.items() if (error := faults.failure(snapshot(look)))}
    second, error = next(iter(errors.items()))
    assert (second, error.exit_code) == (54, exit_code)
    assert str(error).endswith(f": {sentence}")


# An Indexed Job: what was recorded of its pod, with the index of a helper


def at_index(look: Look, index: int) -> Look:
    """Return a look whose trainers have an index."""
    indexed = deepcopy(look)
    for thing in indexed:
        if thing["kind"] == "Pod" and thing["spec"]["containers"][0]["name"] == "trainer":
            thing["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"] = str(index)
    return indexed


def shown(look: Look) -> Snapshot:
    """Return the snapshot that the tool makes of a look's objects, with its events."""
    kinds = ("Job", "Deployment", "Pod")
    made = watcher.snapshot_of([thing for thing in look if thing["kind"] in kinds], [])
    return replace(made, events=[thing for thing in look if thing["kind"] == "Event"])


@pytest.mark.parametrize("situation", ["unschedulable", "trainer-image-missing"])
def test_a_helper_that_never_comes_is_no_delay(situation: str) -> None:
    """The same pod with index 0 is one."""
    last = [*looks(situation).values()][-1]
    driver, helper = shown(at_index(last, 0)), shown(at_index(last, 1))
    assert faults.delay(driver, is_advancing=False)
    assert faults.delay(helper, is_advancing=True) is None
    assert faults.failure(helper) is None


def test_a_helper_that_died_is_no_failed_attempt() -> None:
    """Its work is done elsewhere; the Job goes on."""
    for look in looks("trainer-oomkilled").values():
        assert not faults.failed_attempt(shown(at_index(look, 2)))
    assert faults.failed_attempt(shown(at_index(look, 0)))
    assert not watching.trainers(shown(at_index(look, 2)))


def test_index_0_without_a_retry_left_is_a_failed_training() -> None:
    """The Job has no condition yet: its helpers wait for another index 0."""
    seconds, failed = first_failure("trainer-oomkilled")
    assert failed
    look = at_index(looks("trainer-oomkilled")[seconds], 0)
    [job] = [thing for thing in look if thing["kind"] == "Job"]
    for indexes, has_failed in (("0", True), ("0,3-5", True), ("0-2", True), ("1-3", False)):
        job["status"] = {"failedIndexes": indexes}
        error = faults.failure(shown(look))
        assert (str(error) == str(failed)) == has_failed, indexes


def test_a_helper_says_why_the_job_failed_if_no_other_pod_does() -> None:
    """Wrong settings end whichever pod starts first, and the Job."""
    seconds, failed = first_failure("bad-data")
    assert str(faults.failure(shown(at_index(looks("bad-data")[seconds], 3)))) == str(failed)


def test_a_job_is_trained_while_its_helpers_still_end() -> None:
    """SuccessCriteriaMet is final, and a pod on a lost node may never have ended."""
    look = deepcopy([*looks("healthy").values()][-1])
    [job] = [thing for thing in look if thing["kind"] == "Job"]
    conditions = job["status"]["conditions"]
    job["status"]["conditions"] = [c for c in conditions if c["type"] == "SuccessCriteriaMet"]
    assert watching.is_trained(snapshot(look))
    job["status"]["conditions"] = []
    assert not watching.is_trained(snapshot(look))
