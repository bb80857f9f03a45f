"""Watching an installed release until its site is ready, or never will be."""

import json
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from modelsystem_release.cluster import faults, programs, watching
from modelsystem_release.cluster.objects import (
    KubernetesObject,
    mounted_claims,
    name_of,
    release_of,
)
from modelsystem_release.cluster.target import Target
from modelsystem_release.cluster.watching import Snapshot, Stage
from modelsystem_release.errors import CannotRunError, TooLateError
from modelsystem_shared.errors import ModelSystemError, ServiceError
from modelsystem_shared.progress import is_progress

log = logging.getLogger(__name__)
_INTERVAL = 2.0  # seconds between two snapshots
_UNREACHABLE = 60.0  # seconds for which the cluster may not answer
_KINDS = "jobs,deployments,pods"
_LINES = 20  # of the trainer's log that may follow its progress


class Watcher:
    """Takes snapshots of one release."""

    def __init__(
        self, target: Target, release: str, patience: float, report: Callable[[Stage], None]
    ) -> None:
        """Accept a delay of `patience` seconds; call `report` after each snapshot."""
        self._target, self._release = target, release
        self._patience, self._report = patience, report
        self._delayed_since: float | None = None
        self._trainer, self._progress = "", ""  # the pod of the latest attempt
        self._was_installed = False

    def watch(self, timeout: float | None) -> None:
        """Return when the site is ready.

        timeout: seconds; None for the deadline of the installed Deployment.

        Raises:
            TrainingFailedError: with the trainer's own reason.
            MismatchError: the waiter refuses the model.
            CannotRunError: an image, a node or the claim is missing, a pod cannot be created or is
                killed for memory again and again, or the release was uninstalled.
            ServiceError: the trainer does not reach its storage, or the cluster does not answer.
            TooLateError: it is not ready in time.

        """
        started = time.monotonic()
        while True:
            snapshot = self._snapshot()
            self._check_installed(snapshot)
            is_advancing = self._follow_progress(snapshot)
            stage = watching.stage(snapshot, self._progress, faults.failed_attempt(snapshot))
            self._report(stage)
            if error := faults.failure(snapshot):  # outranks a ready site
                raise error
            if watching.is_ready(snapshot) and stage.ready >= self._least_pods():
                return
            self._judge_delay(faults.delay(snapshot, is_advancing))
            limit = watching.deadline(snapshot) if timeout is None else timeout
            if time.monotonic() - started >= limit:
                raise TooLateError(f"not ready after {limit:g} s: {stage}")
            time.sleep(_INTERVAL)

    def _snapshot(self) -> Snapshot:
        """Ask the cluster; try again for 60 s if it does not answer."""
        until = time.monotonic() + _UNREACHABLE
        while True:
            try:
                return take_snapshot(self._target, self._release)
            except ServiceError as error:
                if time.monotonic() >= until:
                    raise
                log.warning("%s; trying again", error)
                time.sleep(_INTERVAL)

    def _check_installed(self, snapshot: Snapshot) -> None:
        if snapshot.deployments:
            self._was_installed = True
        elif self._was_installed:
            raise CannotRunError(f"{self._release} was uninstalled while it was watched")

    def _least_pods(self) -> int:
        """Return how many pods the autoscaler keeps; a Deployment wants one until it has acted."""
        try:
            scalers = self._target.of_release("horizontalpodautoscalers", self._release)
        except ServiceError:  # not every account may read them
            return 0
        return sum(scaler["spec"].get("minReplicas", 1) for scaler in scalers)

    def _judge_delay(self, error: ModelSystemError | None) -> None:
        if error is None:
            self._delayed_since = None
            return
        now = time.monotonic()
        self._delayed_since = self._delayed_since or now
        if now - self._delayed_since >= self._patience:
            raise type(error)(f"{error} (for {self._patience:g} s)")

    def _follow_progress(self, snapshot: Snapshot) -> bool:
        """Read the progress of the running trainer; return whether it has logged any.

        That of an attempt that has ended stays until the next one starts.
        """
        running = watching.trainers(snapshot)
        if not running:
            return False
        text = read_progress(self._target, running[-1])
        if text or running[-1] != self._trainer:
            self._trainer, self._progress = running[-1], text
        return bool(self._progress)


def read_progress(target: Target, pod: str) -> str:
    """Return the latest progress in a trainer's log; empty if it cannot be read."""
    container = ["--namespace", target.namespace, "--container", "trainer"]
    try:
        text = programs.run("kubectl", ["logs", pod, *container, "--tail", str(_LINES)])
    except ServiceError:  # the pod has just ended, or is not running yet
        return ""
    return latest_progress(text)


def take_snapshot(target: Target, release: str) -> Snapshot:
    """Return a release's objects as they are now."""
    objects = target.of_release(_KINDS, release)
    snapshot = snapshot_of(objects, target.get("persistentvolumeclaims"))
    if not watching.needs_events(snapshot):
        return snapshot
    return replace(snapshot, events=_warnings(target))


def take_snapshots(target: Target) -> dict[str, Snapshot]:
    """Return the objects of all builds of the namespace as they are now, by the Helm release."""
    of_release: dict[str, list[KubernetesObject]] = defaultdict(list)
    for thing in target.get(_KINDS, "--selector", "app.kubernetes.io/name=modelsystem"):
        of_release[release_of(thing)].append(thing)
    claims = target.get("persistentvolumeclaims")
    snapshots = {name: snapshot_of(things, claims) for name, things in of_release.items() if name}
    if any(map(watching.needs_events, snapshots.values())):
        events = _warnings(target)
        snapshots = {name: replace(known, events=events) for name, known in snapshots.items()}
    return snapshots


def snapshot_of(
    objects: Sequence[KubernetesObject], claims: Sequence[KubernetesObject]
) -> Snapshot:
    """Return a release's snapshot from its objects and all claims of the namespace."""
    of_kind: dict[str, list[KubernetesObject]] = {"Job": [], "Deployment": [], "Pod": []}
    for thing in objects:
        of_kind[thing["kind"]].append(thing)
    mounted = {name for pod in of_kind["Pod"] for name in mounted_claims(pod["spec"])}
    known = [claim for claim in claims if name_of(claim) in mounted]
    pods = [pod for pod in of_kind["Pod"] if not watching.is_helper(pod)]
    helpers = [pod for pod in of_kind["Pod"] if watching.is_helper(pod)]
    return Snapshot(of_kind["Job"], of_kind["Deployment"], pods, known, helpers=helpers)


def _warnings(target: Target) -> list[KubernetesObject]:
    """Return the namespace's warnings; none if they may not be read."""
    try:
        return target.get("events", "--field-selector", "type=Warning")
    except ServiceError:
        return []


def latest_progress(text: str) -> str:
    """Return the last progress in a trainer's log, such as `search: 45 %`; empty without one."""
    for line in reversed(text.splitlines()):
        try:
            message = json.loads(line)["message"]
        except (ValueError, KeyError, TypeError):
            message = line
        if is_progress(str(message)):
            return str(message)
    return ""
