"""Why an installed release will never be ready, or what keeps it from becoming so.

Looked for as a person would: the training Job, the claim, the pods, their waiter, their scorer.
Nothing here calls the cluster.
"""

import json
from collections.abc import Iterator
from dataclasses import replace

from modelsystem_release.cluster.objects import (
    KubernetesObject,
    condition,
    container_statuses,
    name_of,
)
from modelsystem_release.cluster.watching import Snapshot, is_ready, is_trained
from modelsystem_release.errors import CannotRunError
from modelsystem_shared.errors import (
    MismatchError,
    ModelSystemError,
    ServiceError,
    TrainingFailedError,
)

# Reasons of a waiting container that does not start without help.
_HOPELESS = {
    "InvalidImageName", "ImageInspectError", "CreateContainerConfigError", "CreateContainerError",
    "ErrImageNeverPull",
}  # fmt: skip
_PULLING = {"ErrImagePull", "ImagePullBackOff"}  # they alternate
_CRASHES = 3  # restarts after which a container counts as broken
_SAME_END = 2  # ends for the same reason, if nothing but a change can help
_SETTINGS, _MISMATCH, _STORAGE = 2, 4, 5  # exit codes of our programs
_LASTING = {_SETTINGS, _STORAGE}  # of the site: a restart ends in the same way
_WAITER, _SCORER, _TRAINER = "waiter-container", "scorer", "trainer"
_VALUES = {_WAITER: "waiter", _SCORER: "scorer", _TRAINER: "trainer"}  # the chart's keys
_SIGNALLED = 128  # exit codes from here on: ended by a signal, so without last words


def failure(snapshot: Snapshot) -> ModelSystemError | None:
    """Return why the release will never be ready; None if it may be.

    A failed training outranks a ready site: what the site serves is not what was to be trained.
    """
    for job in snapshot.jobs:
        # FailureTarget comes first; Failed once the Job's pods have ended.
        failed = condition(job, "Failed", "True") or condition(job, "FailureTarget", "True")
        if failed or _has_lost_its_driver(job):
            return TrainingFailedError(f"the training failed: {_reason(snapshot, job, failed)}")
    return None if is_ready(snapshot) else next(_broken(snapshot), None)


def delay(snapshot: Snapshot, is_advancing: bool) -> ModelSystemError | None:
    """Return what keeps the release from going on and may pass by itself; None if nothing does.

    is_advancing: whether the trainer that runs now has logged progress.
    """
    if reason := next(_delays(snapshot), None):
        return CannotRunError(reason)
    ended = _ended_trainers(snapshot)
    is_cut_off = bool(ended) and ended[-1][2]["exitCode"] == _STORAGE and not is_advancing
    if is_cut_off and not is_trained(snapshot):
        return ServiceError(f"the training cannot go on: {_last_words(*ended[-1])}")
    return None


def failed_attempt(snapshot: Snapshot) -> str:
    """Return why the training's latest attempt failed; empty if none did."""
    ended = _ended_trainers(snapshot)
    return _last_words(*ended[-1]) if ended else ""


def _broken(snapshot: Snapshot) -> Iterator[ModelSystemError]:
    pods = [pod for pod in snapshot.pods if "deletionTimestamp" not in pod["metadata"]]
    for pod in pods:
        for container, waiting in _waiting(pod):
            if waiting.get("reason") in _HOPELESS:
                yield CannotRunError(
                    f"{container} of pod {name_of(pod)} cannot start: {_sentence(waiting)}"
                )
        for status in container_statuses(pod):
            if status["name"] in (_WAITER, _SCORER):
                yield from _crashes(pod, status)
    evicted = [pod["status"] for pod in pods if pod["status"].get("reason") == "Evicted"]
    if len(evicted) >= _SAME_END:
        message = evicted[-1].get("message", "").strip()
        yield CannotRunError(f"the pods are evicted again and again: {message}")


def _crashes(pod: KubernetesObject, status: KubernetesObject) -> Iterator[ModelSystemError]:
    """Yield that a container of the site ends again and again, with its last words."""
    state, restarts = status.get("state", {}), status.get("restartCount", 0)
    end = state.get("terminated") or status.get("lastState", {}).get("terminated") or {}
    if end.get("exitCode") == 0:
        return
    ends = restarts + ("running" not in state and bool(end))
    words = _last_words(pod, status["name"], end) or "it left no message"
    name, where = status["name"], f"of pod {name_of(pod)}"
    if end.get("exitCode") == _MISMATCH and ends >= _SAME_END:
        yield MismatchError(f"the {_VALUES[name]} {where} refuses the model: {words}")
    elif ends >= _SAME_END and (_is_killed_for_memory(end) or end.get("exitCode") in _LASTING):
        yield CannotRunError(f"the {_VALUES[name]} {where} ends again and again: {words}")
    elif name == _SCORER and restarts >= _CRASHES:
        yield CannotRunError(f"the scorer {where} crashes again and again: {words}")


def _delays(snapshot: Snapshot) -> Iterator[str]:
    for claim in snapshot.claims:
        if (phase := claim["status"].get("phase")) != "Bound":
            yield f"claim {name_of(claim)} is {phase}, not Bound"
    for job in snapshot.jobs:
        counts = (job.get("status", {}).get(key, 0) for key in ("active", "failed", "succeeded"))
        if not any(counts) and (message := _event(snapshot, job, "FailedCreate")):
            yield f"no pod of the training can be created: {message}"
    for deployment in snapshot.deployments:
        if refused := condition(deployment, "ReplicaFailure", "True"):
            yield f"no pod of the site can be created: {refused.get('message', '')}"
    for pod in snapshot.pods:
        unscheduled = condition(pod, "PodScheduled", "False")
        if unscheduled and unscheduled.get("reason") == "Unschedulable":
            yield f"pod {name_of(pod)} has no node: {unscheduled.get('message', '')}"
        for container, waiting in _waiting(pod):
            if waiting.get("reason") in _PULLING:
                yield f"{container} of pod {name_of(pod)} cannot start: {_sentence(waiting)}"
        is_pending = pod["status"].get("phase") == "Pending"
        if is_pending and not _has_run(pod) and (message := _event(snapshot, pod, "FailedMount")):
            yield f"pod {name_of(pod)} cannot mount its volume: {message}"


def _event(snapshot: Snapshot, thing: KubernetesObject, reason: str) -> str:
    """Return the message of an object's latest event with a reason; empty without one."""
    uid = thing["metadata"].get("uid")
    messages = [
        (event.get("lastTimestamp") or "", event["message"])
        for event in snapshot.events
        if event["reason"] == reason and event["involvedObject"].get("uid") == uid
    ]
    return str(max(messages)[1]) if messages else ""


def _has_lost_its_driver(job: KubernetesObject) -> bool:
    """Whether index 0 has no retry left; the Job fails later, when its helpers have ended."""
    indexes = str(job.get("status", {}).get("failedIndexes") or "")  # such as "0,3-5"
    return indexes.replace("-", ",").split(",")[0] == "0"


def _reason(snapshot: Snapshot, job: KubernetesObject, failed: KubernetesObject | None) -> str:
    """Return why a Job failed: its deadline, or the last words of the trainer that ended last."""
    seconds = job.get("spec", {}).get("activeDeadlineSeconds")
    if seconds and failed and failed.get("reason") == "DeadlineExceeded":
        return f"it was not done after {seconds} s (trainer.deadlineSeconds)"
    pods = replace(snapshot, pods=snapshot.helpers), snapshot
    words = [_last_words(*ended) for shown in pods for ended in _ended_trainers(shown)]
    own = failed and (failed.get("message") or failed.get("reason"))
    return next((sentence for sentence in reversed(words) if sentence), str(own or "no retry left"))


def _ended_trainers(
    snapshot: Snapshot,
) -> list[tuple[KubernetesObject, str, KubernetesObject]]:
    """Return pod, container and final state of each failed attempt, the latest last."""
    ended = [
        (pod, _TRAINER, status["state"]["terminated"])
        for pod in snapshot.pods
        for status in pod["status"].get("containerStatuses", [])
        if status["name"] == _TRAINER and "terminated" in status.get("state", {})
    ]
    failed = [attempt for attempt in ended if attempt[2].get("exitCode")]
    return sorted(failed, key=lambda attempt: attempt[2].get("finishedAt") or "")


def _last_words(pod: KubernetesObject, container: str, end: KubernetesObject) -> str:
    """Return why a container ended; empty if nothing says so.

    Kubernetes puts the end of the log in the place of a missing message: those lines are no reason.
    """
    if _is_killed_for_memory(end):
        limit = _memory_limit(pod, container)
        return f"killed for memory at {limit} ({_VALUES[container]}.resources.limits.memory)"
    if end.get("exitCode", 0) > _SIGNALLED:
        return f"ended by signal {end['exitCode'] - _SIGNALLED}"
    message = str(end.get("message") or "").strip()
    lines = [_log_line(line) for line in message.splitlines()]
    if not any(lines):
        return message
    errors = [line["message"] for line in lines if line and line.get("level") == "error"]
    return str(errors[-1]) if errors else f"exit code {end.get('exitCode')}"


def _log_line(text: str) -> dict[str, object] | None:
    """Return a line of our programs' JSON log; None if the text is something else."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and {"level", "message"} <= line.keys() else None


def _is_killed_for_memory(end: KubernetesObject) -> bool:
    return end.get("reason") == "OOMKilled"


def _memory_limit(pod: KubernetesObject, container: str) -> str:
    spec = pod["spec"]
    for thing in [*spec.get("initContainers", []), *spec["containers"]]:
        if thing["name"] == container:
            return str(thing.get("resources", {}).get("limits", {}).get("memory", "no limit"))
    return "no limit"


def _has_run(pod: KubernetesObject) -> bool:
    states = (status.get("state", {}) for status in container_statuses(pod))
    return any("running" in state or "terminated" in state for state in states)


def _waiting(pod: KubernetesObject) -> Iterator[tuple[str, KubernetesObject]]:
    for status in container_statuses(pod):
        if waiting := status.get("state", {}).get("waiting"):
            yield status["name"], waiting


def _sentence(waiting: KubernetesObject) -> str:
    return ": ".join(part for part in (waiting.get("reason"), waiting.get("message")) if part)
