"""The states of a build, and which of them one snapshot shows.

Nothing here calls the cluster.
"""

from dataclasses import dataclass
from enum import StrEnum

from modelsystem_release import cluster
from modelsystem_release.cluster import Snapshot
from modelsystem_shared.errors import MismatchError, ModelSystemError, TrainingFailedError


class State(StrEnum):
    """How a build is; docs/operations.md has a row for each."""

    NOT_INSTALLED = "not installed"
    TRAINING = "training"
    TRAINING_FAILED = "training failed"
    HELD_UP = "held up"
    CANNOT_RUN = "cannot run"
    MODEL_REFUSED = "model refused"
    NOT_READY = "site not ready"
    STOPPED = "stopped"
    READY = "ready"


@dataclass(frozen=True)
class Condition:
    """A build's state, and the sentence that says more; empty if there is no more to say."""

    state: State
    sentence: str = ""


def condition(snapshot: Snapshot, progress: str, helm_status: str = "deployed") -> Condition:
    """Return a build's condition.

    progress: the trainer's latest, such as `search: 45 %`. helm_status: of the release.
    """
    if helm_status != "deployed":
        return Condition(State.NOT_INSTALLED, f"Helm's release is {helm_status}")
    if not snapshot.deployments:
        return Condition(State.NOT_INSTALLED, "the release has no Deployment")
    if error := cluster.failure(snapshot):
        return Condition(_state_of(error), str(error))
    if error := cluster.delay(snapshot, is_advancing=bool(progress)):
        return Condition(State.HELD_UP, str(error))
    if not cluster.is_trained(snapshot):
        return Condition(State.TRAINING, training_progress(snapshot, progress))
    return _of_site(snapshot)


def training_progress(snapshot: Snapshot, progress: str) -> str:
    """Return how far the training is, and why the attempt before failed, if one did."""
    text = progress or "starting"
    reason = cluster.failed_attempt(snapshot)
    return f"{text} (again, after: {reason})" if reason else text


def pods_of_site(snapshot: Snapshot) -> tuple[int, int]:
    """Return how many pods of the site are ready, and how many there should be."""
    ready = sum(site.get("status", {}).get("readyReplicas", 0) for site in snapshot.deployments)
    return ready, sum(site["spec"].get("replicas", 1) for site in snapshot.deployments)


def _state_of(error: ModelSystemError) -> State:
    if isinstance(error, TrainingFailedError):
        return State.TRAINING_FAILED
    return State.MODEL_REFUSED if isinstance(error, MismatchError) else State.CANNOT_RUN


def _of_site(snapshot: Snapshot) -> Condition:
    ready, replicas = pods_of_site(snapshot)
    if not replicas:
        return Condition(State.STOPPED, "the site is scaled to 0 pods")
    if cluster.is_ready(snapshot):
        return Condition(State.READY)
    return Condition(State.NOT_READY, f"{ready} of {replicas} pods are ready")
