"""From what the cluster says of a build's Job and pods to how it stands, in one sentence.

Nothing here calls the cluster. Objects are as `kubectl get --output json` has them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from modelsystem_release.errors import CannotRunError
from modelsystem_shared.errors import ModelSystemError, TrainingFailedError

Object = dict[str, Any]
# What a node says of a container that will not start by itself.
_HOPELESS = {
    "ImagePullBackOff", "InvalidImageName", "ImageInspectError", "CreateContainerConfigError",
    "CreateContainerError", "ErrImageNeverPull",
}  # fmt: skip
_CRASHES = 3  # restarts after which a container counts as broken


@dataclass(frozen=True)
class Seen:
    """One look at a release; `claims`: those that its pods mount and that exist."""

    jobs: Sequence[Object]
    deployments: Sequence[Object]
    pods: Sequence[Object]
    claims: Sequence[Object]


def is_ready(seen: Seen) -> bool:
    """Whether every pod that the site should have is ready."""
    return bool(seen.deployments) and all(map(is_available, seen.deployments))


def is_available(deployment: Object) -> bool:
    """Whether every pod that a Deployment should have is ready."""
    wanted, status = deployment["spec"].get("replicas", 1), deployment.get("status", {})
    generation = deployment["metadata"].get("generation", 0)
    is_current = status.get("observedGeneration", 0) >= generation
    return bool(is_current and wanted > 0 and status.get("readyReplicas", 0) >= wanted)


def failure(seen: Seen) -> ModelSystemError | None:
    """Return why there is nothing to wait for, or None."""
    for job in seen.jobs:
        if condition := _condition(job, "Failed", "True"):
            return TrainingFailedError(f"the training failed: {_trainers_reason(seen, condition)}")
    return next(map(CannotRunError, _broken(seen)), None)


def delay(seen: Seen) -> str | None:
    """Return what keeps a pod from being placed: for a while that may be as it should be."""
    for claim in seen.claims:
        if (phase := claim["status"].get("phase")) != "Bound":
            return f"claim {_name(claim)} is not bound but {phase}"
    for pod in seen.pods:
        condition = _condition(pod, "PodScheduled", "False")
        if condition and condition.get("reason") == "Unschedulable":
            return f"pod {_name(pod)} has no node: {condition.get('message', '')}"
        for name, waiting in _waiting(pod):
            if waiting.get("reason") == "ErrImagePull":
                return f"{name} of pod {_name(pod)}: {_told(waiting)}"
    return None


def stage(seen: Seen, progress: str) -> str:
    """Say in one line how far it is; `progress`: the last that the trainer's log told of it."""
    trained = any(_condition(job, "Complete", "True") for job in seen.jobs)
    training = "training: done" if trained else f"training: {progress or 'starting'}"
    ready = sum(one.get("status", {}).get("readyReplicas", 0) for one in seen.deployments)
    wanted = sum(one["spec"].get("replicas", 1) for one in seen.deployments)
    return f"{training}; site: {ready} of {wanted} pods ready"


def trainers(seen: Seen) -> list[str]:
    """Return the names of the trainer's pods that run, the newest last."""
    running = [
        pod
        for pod in seen.pods
        if pod["status"].get("phase") == "Running"
        and any(one["name"] == "trainer" for one in pod["spec"]["containers"])
    ]
    return [
        _name(pod) for pod in sorted(running, key=lambda pod: pod["status"].get("startTime", ""))
    ]


def _broken(seen: Seen) -> Iterator[str]:
    for pod in seen.pods:
        for name, waiting in _waiting(pod):
            if waiting.get("reason") in _HOPELESS:
                yield f"{name} of pod {_name(pod)} cannot start: {_told(waiting)}"
        for status in pod["status"].get("containerStatuses", []):
            if status["name"] == "scorer" and status.get("restartCount", 0) >= _CRASHES:
                reason = status.get("lastState", {}).get("terminated", {}).get("message", "")
                why = reason.strip() or "it does not say why"
                yield f"the scorer of pod {_name(pod)} keeps ending: {why}"


def _waiting(pod: Object) -> Iterator[tuple[str, Object]]:
    status = pod["status"]
    for one in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        if waiting := one.get("state", {}).get("waiting"):
            yield one["name"], waiting


def _trainers_reason(seen: Seen, condition: Object) -> str:
    """Return the last words of the trainer that ended last, else what the Job says."""
    ended = [
        status["state"]["terminated"]
        for pod in seen.pods
        for status in pod["status"].get("containerStatuses", [])
        if status["name"] == "trainer" and "terminated" in status.get("state", {})
    ]
    told = [one for one in ended if one.get("message")]
    if not told:
        return str(condition.get("message") or condition.get("reason"))
    return str(max(told, key=lambda one: one.get("finishedAt") or "")["message"]).strip()


def _condition(thing: Object, kind: str, status: str) -> Object | None:
    found: list[Object] = thing.get("status", {}).get("conditions", [])
    return next((c for c in found if (c["type"], c["status"]) == (kind, status)), None)


def _told(waiting: Object) -> str:
    return ": ".join(part for part in (waiting.get("reason"), waiting.get("message")) if part)


def _name(thing: Object) -> str:
    return str(thing["metadata"]["name"])
