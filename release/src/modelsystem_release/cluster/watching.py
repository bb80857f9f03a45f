"""From one snapshot of an installed release to its stage, or to why it will never be ready.

Nothing here calls the cluster.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from modelsystem_release.cluster.objects import (
    KubernetesObject,
    condition,
    container_statuses,
    is_available,
    name_of,
)
from modelsystem_release.errors import CannotRunError
from modelsystem_shared.errors import ModelSystemError, TrainingFailedError

# Reasons of a waiting container that does not start without help.
_HOPELESS = {
    "ImagePullBackOff", "InvalidImageName", "ImageInspectError", "CreateContainerConfigError",
    "CreateContainerError", "ErrImageNeverPull",
}  # fmt: skip
_CRASHES = 3  # restarts after which a container counts as broken
_DEADLINE = 600  # seconds: Kubernetes' default for a Deployment


@dataclass(frozen=True)
class Snapshot:
    """A release's objects at one time; `claims`: those that exist of the ones its pods mount."""

    jobs: Sequence[KubernetesObject]
    deployments: Sequence[KubernetesObject]
    pods: Sequence[KubernetesObject]
    claims: Sequence[KubernetesObject]


@dataclass(frozen=True)
class Stage:
    """How far an installation is.

    progress: the trainer's latest, such as `search: 45 %`; empty if it has logged none yet.
    """

    is_trained: bool
    progress: str
    ready: int
    replicas: int

    @property
    def is_training(self) -> bool:
        """Whether the training goes on, and no pod of the site is ready yet."""
        return not self.is_trained and not self.ready

    def __str__(self) -> str:
        training = "done" if self.is_trained else self.progress or "starting"
        return f"training: {training}; site: {self.ready} of {self.replicas} pods ready"


def is_ready(snapshot: Snapshot) -> bool:
    """Return whether every pod of the site is ready."""
    return bool(snapshot.deployments) and all(map(is_available, snapshot.deployments))


def stage(snapshot: Snapshot, progress: str) -> Stage:
    """Return how far the installation is; `progress`: the trainer's latest."""
    deployments = snapshot.deployments
    return Stage(
        is_trained=any(condition(job, "Complete", "True") for job in snapshot.jobs),
        progress=progress,
        ready=sum(site.get("status", {}).get("readyReplicas", 0) for site in deployments),
        replicas=sum(site["spec"].get("replicas", 1) for site in deployments),
    )


def deadline(snapshot: Snapshot) -> float:
    """Return the seconds that the chart gives training and site together."""
    specs = (deployment["spec"] for deployment in snapshot.deployments)
    seconds = (spec.get("progressDeadlineSeconds", _DEADLINE) for spec in specs)
    return float(max(seconds, default=_DEADLINE))


def failure(snapshot: Snapshot) -> ModelSystemError | None:
    """Return why the release will never be ready; None if it may be."""
    for job in snapshot.jobs:
        if failed := condition(job, "Failed", "True"):
            return TrainingFailedError(f"the training failed: {_reason(snapshot, failed)}")
    return next(map(CannotRunError, _broken(snapshot)), None)


def delay(snapshot: Snapshot) -> str | None:
    """Return what keeps a pod from starting and may pass by itself; None if nothing does."""
    for claim in snapshot.claims:
        if (phase := claim["status"].get("phase")) != "Bound":
            return f"claim {name_of(claim)} is {phase}, not Bound"
    for pod in snapshot.pods:
        unscheduled = condition(pod, "PodScheduled", "False")
        if unscheduled and unscheduled.get("reason") == "Unschedulable":
            return f"pod {name_of(pod)} has no node: {unscheduled.get('message', '')}"
        for container, waiting in _waiting(pod):
            if waiting.get("reason") == "ErrImagePull":
                return f"{container} of pod {name_of(pod)}: {_sentence(waiting)}"
    return None


def trainers(snapshot: Snapshot) -> list[str]:
    """Return the names of the trainer's running pods, the newest last."""
    running = [
        pod
        for pod in snapshot.pods
        if pod["status"].get("phase") == "Running"
        and any(container["name"] == "trainer" for container in pod["spec"]["containers"])
    ]
    return [*map(name_of, sorted(running, key=lambda pod: pod["status"].get("startTime", "")))]


def _broken(snapshot: Snapshot) -> Iterator[str]:
    for pod in snapshot.pods:
        for container, waiting in _waiting(pod):
            if waiting.get("reason") in _HOPELESS:
                yield f"{container} of pod {name_of(pod)} cannot start: {_sentence(waiting)}"
        for status in pod["status"].get("containerStatuses", []):
            if status["name"] == "scorer" and status.get("restartCount", 0) >= _CRASHES:
                message = status.get("lastState", {}).get("terminated", {}).get("message", "")
                reason = message.strip() or "it left no message"
                yield f"the scorer of pod {name_of(pod)} crashes again and again: {reason}"


def _waiting(pod: KubernetesObject) -> Iterator[tuple[str, KubernetesObject]]:
    for status in container_statuses(pod):
        if waiting := status.get("state", {}).get("waiting"):
            yield status["name"], waiting


def _reason(snapshot: Snapshot, failed: KubernetesObject) -> str:
    """Return the last words of the trainer that ended last; without any, the Job's own message."""
    ended = [
        status["state"]["terminated"]
        for pod in snapshot.pods
        for status in pod["status"].get("containerStatuses", [])
        if status["name"] == "trainer" and "terminated" in status.get("state", {})
    ]
    with_message = [state for state in ended if state.get("message")]
    if not with_message:
        return str(failed.get("message") or failed.get("reason"))
    latest = max(with_message, key=lambda state: state.get("finishedAt") or "")
    return str(latest["message"]).strip()


def _sentence(waiting: KubernetesObject) -> str:
    return ": ".join(part for part in (waiting.get("reason"), waiting.get("message")) if part)
