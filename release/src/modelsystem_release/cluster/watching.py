"""From one snapshot of an installed release to its stage.

Nothing here calls the cluster.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from modelsystem_release.cluster.objects import (
    KubernetesObject,
    condition,
    is_available,
    name_of,
)

_DEADLINE = 600  # seconds: Kubernetes' default for a Deployment


@dataclass(frozen=True)
class Snapshot:
    """A release's objects at one time.

    pods: without the helpers of the training: nothing waits for them.
    claims: those that exist of the ones its pods mount. events: the warnings of the namespace.
    """

    jobs: Sequence[KubernetesObject]
    deployments: Sequence[KubernetesObject]
    pods: Sequence[KubernetesObject]
    claims: Sequence[KubernetesObject] = ()
    events: Sequence[KubernetesObject] = ()
    helpers: Sequence[KubernetesObject] = ()


@dataclass(frozen=True)
class Stage:
    """How far an installation is.

    progress: the trainer's latest, such as `search: 45 %`; empty if it has logged none yet.
    failed_attempt: why the attempt before this one failed; empty if this is the first.
    """

    is_trained: bool
    progress: str
    ready: int
    replicas: int
    failed_attempt: str = ""

    @property
    def is_training(self) -> bool:
        """Whether the training goes on, and no pod of the site is ready yet."""
        return not self.is_trained and not self.ready

    def __str__(self) -> str:
        training = "done" if self.is_trained else self.progress or "starting"
        if self.failed_attempt and not self.is_trained:
            training += f" (again, after: {self.failed_attempt})"
        return f"training: {training}; site: {self.ready} of {self.replicas} pods ready"


def is_ready(snapshot: Snapshot) -> bool:
    """Return whether the training is complete, and every pod of the site is ready."""
    is_available_everywhere = all(map(is_available, snapshot.deployments))
    return bool(snapshot.deployments) and is_available_everywhere and is_trained(snapshot)


def is_trained(snapshot: Snapshot) -> bool:
    """Return whether the Job is complete; one that ttlSecondsAfterFinished has removed was.

    SuccessCriteriaMet comes first, and Complete only when its other pods have ended.
    """
    kinds = ("Complete", "SuccessCriteriaMet")
    return all(any(condition(job, kind, "True") for kind in kinds) for job in snapshot.jobs)


def is_helper(pod: KubernetesObject) -> bool:
    """Return whether a pod is of an Indexed Job and not the one that publishes, index 0."""
    labels = pod["metadata"].get("labels") or {}
    return bool(labels.get("batch.kubernetes.io/job-completion-index", "0") != "0")


def stage(snapshot: Snapshot, progress: str, failed_attempt: str = "") -> Stage:
    """Return how far the installation is; `progress`: the trainer's latest."""
    deployments = snapshot.deployments
    return Stage(
        is_trained=is_trained(snapshot),
        progress=progress,
        failed_attempt=failed_attempt,
        ready=sum(site.get("status", {}).get("readyReplicas", 0) for site in deployments),
        replicas=sum(site["spec"].get("replicas", 1) for site in deployments),
    )


def deadline(snapshot: Snapshot) -> float:
    """Return the seconds that the chart gives training and site together."""
    specs = (deployment["spec"] for deployment in snapshot.deployments)
    seconds = (spec.get("progressDeadlineSeconds", _DEADLINE) for spec in specs)
    return float(max(seconds, default=_DEADLINE))


def trainers(snapshot: Snapshot) -> list[str]:
    """Return the names of the trainer's running pods, the newest last."""
    running = [
        pod
        for pod in snapshot.pods
        if pod["status"].get("phase") == "Running"
        and any(container["name"] == "trainer" for container in pod["spec"]["containers"])
    ]
    return [*map(name_of, sorted(running, key=lambda pod: pod["status"].get("startTime", "")))]


def needs_events(snapshot: Snapshot) -> bool:
    """Return whether events may say more: a Job without pods has no condition for it."""
    is_pending = any(pod["status"].get("phase") == "Pending" for pod in snapshot.pods)
    return is_pending or not snapshot.pods
