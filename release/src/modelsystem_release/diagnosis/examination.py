"""One build, examined in the order of a night until the first thing that does not hold."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from modelsystem_release import cluster, judging, traffic
from modelsystem_release.cluster import KubernetesObject, ListedRelease, Snapshot, Target
from modelsystem_release.diagnosis.facts import facts
from modelsystem_release.diagnosis.overview import is_of_site
from modelsystem_release.diagnosis.states import pods_of_site, training_progress
from modelsystem_release.errors import CannotRunError, GateError, TooLateError
from modelsystem_release.judging import Rules, health_faults
from modelsystem_release.traffic import Routing
from modelsystem_shared.errors import (
    MismatchError,
    ModelSystemError,
    ServiceError,
    TrainingFailedError,
    UsageError,
)


@dataclass(frozen=True)
class Finding:
    """What one step of the examination has shown.

    fault: why the step does not hold; None if it does, or may yet. is_waiting: it does not yet, and
    nothing is wrong. is_unknown: it could not be looked at.
    """

    step: str
    sentence: str
    fault: ModelSystemError | None = None
    is_waiting: bool = False
    is_unknown: bool = False


class Examination:
    """The steps of one build's night, each a method that returns what it shows.

    Every step may assume that those before it have no fault.
    """

    def __init__(self, target: Target, build: str, routing: Routing) -> None:
        """Examine the objects as they are now.

        Raises:
            UsageError: the build is not installed.
            ServiceError: Helm or the cluster does not answer.

        """
        self._target, self._build, self._routing = target, build, routing
        self._release = _release(target, build)
        snapshot = cluster.take_snapshot(target, self._release["name"])
        self._whole = snapshot
        self._site_pods = [
            pod for pod in snapshot.pods
            if is_of_site(pod) and "deletionTimestamp" not in pod["metadata"]
        ]  # fmt: skip
        trainers = [pod for pod in snapshot.pods if not is_of_site(pod)]
        self._training = replace(snapshot, deployments=(), pods=trainers)

    def findings(self) -> Iterator[Finding]:
        """Yield what each step shows; the one with a fault is the last."""
        steps: tuple[tuple[str, Callable[[], Finding]], ...] = (
            ("release", self._installed),
            ("claim", self._claims),
            ("secret", self._secrets),
            ("training", self._trained),
            ("pods", self._pods),
            ("waiter", self._waiters),
            ("site", self._site),
            ("route", self._route),
            ("metrics", self._metrics),
        )
        for name, step in steps:
            try:
                finding = step()
            except ModelSystemError as error:
                finding = Finding("", str(error), error)
            yield replace(finding, step=name)
            if finding.fault:
                return

    def _installed(self) -> Finding:
        name, status = self._release["name"], self._release["status"]
        if status.startswith("pending"):
            raise ServiceError(f"{name} is {status}: another command installs it, or was killed")
        if status != "deployed":
            raise ServiceError(f"{name} is {status}: its installation was not completed")
        if not self._whole.deployments:
            raise CannotRunError(f"{name} has no Deployment: it was removed by hand")
        return _holds(f"{name} is installed since {self._release['updated'][:16]}")

    def _claims(self) -> Finding:
        phases = {
            cluster.name_of(claim): claim["status"].get("phase")
            for claim in self._target.get("persistentvolumeclaims")
        }
        names = {name for spec in self._templates() for name in cluster.mounted_claims(spec)}
        for name in sorted(names):
            if name not in phases:
                raise CannotRunError(f"there is no claim {name}")
            if phases[name] != "Bound":
                sentence = f"claim {name} is {phases[name]}, not Bound"
                if self._whole.pods:
                    raise CannotRunError(sentence)
                return _waits(sentence)
        return _holds(f"{', '.join(sorted(names))} is Bound")

    def _secrets(self) -> Finding:
        needed = [*self._needed_entries()]
        for name, entry in needed:
            try:
                entries = self._target.secret_entries(name)
            except ServiceError as error:
                if "not found" in str(error):
                    raise CannotRunError(f"there is no Secret {name}") from error
                return Finding("", str(error), is_unknown=True)
            if entry and entry not in entries:
                raise CannotRunError(f"Secret {name} has no entry {entry}")
        names = sorted({name for name, _ in needed})
        return _holds(f"{', '.join(names)} has what is needed" if names else "none is needed")

    def _trained(self) -> Finding:
        error = cluster.failure(self._training)
        if isinstance(error, TrainingFailedError):
            raise error
        running = cluster.trainers(self._training)
        progress = cluster.read_progress(self._target, running[-1]) if running else ""
        delay = cluster.delay(self._training, is_advancing=bool(progress))
        if isinstance(delay, ServiceError):
            raise delay
        if not cluster.is_trained(self._training):
            return _waits(training_progress(self._training, progress))
        return _holds("complete" if self._training.jobs else "its Job was complete, and is removed")

    def _pods(self) -> Finding:
        """Look for what keeps a pod from starting, of the training first."""
        trainers = replace(self._training, jobs=())
        if error := cluster.failure(trainers) or cluster.delay(
            replace(self._whole, claims=()), is_advancing=True
        ):
            raise error
        count = len(self._site_pods)
        if not count and not pods_of_site(self._whole)[1]:
            raise CannotRunError("the site is scaled to 0 pods")
        return _holds(f"{len(self._training.pods)} of the training, {count} of the site")

    def _waiters(self) -> Finding:
        held = [pod for pod in self._site_pods if not _is_initialized(pod)]
        if error := cluster.failure(Snapshot((), (), held)):
            raise error
        if not self._site_pods:
            return _waits("the site has no pod yet")
        if held:
            return _waits(f"{len(held)} pods are held until the model is complete")
        return _holds("File found: the model is complete and verified")

    def _site(self) -> Finding:
        if error := cluster.failure(Snapshot((), (), self._site_pods)):
            raise error
        ready, replicas = pods_of_site(self._whole)
        if not cluster.is_trained(self._whole):
            return _waits(f"{ready} of {replicas} pods are ready")
        if ready < replicas or not self._serving():
            raise TooLateError(f"{ready} of {replicas} pods are ready")
        for pod in self._serving().values():
            known = facts(self._target.read_pod(pod, "/v1/provenance"))
            if known.build != self._build:
                raise MismatchError(f"pod {cluster.name_of(pod)} answers as build {known.build}")
        score = f", score {known.score:.4f}" if known.score is not None else ""
        return _holds(f"{ready} of {replicas} pods are ready{score}, model digest {known.digest}")

    def _route(self) -> Finding:
        checks = traffic.route_checks(self._routing, self._target, self._build)
        for check in checks:
            if not check.passed:
                raise MismatchError(f"{check.name}: {check.reason}")
        return _holds("; ".join(check.reason for check in checks) or "the weights are in a file")

    def _metrics(self) -> Finding:
        if not self._serving():
            return _waits("no pod serves yet")
        texts = self._target.metrics_of(self._serving())
        counted = judging.read_traffic(texts.values())
        if broken := health_faults(counted, [], 0, Rules()):
            raise GateError("; ".join(broken))
        return _holds(
            f"{len(texts)} pods have counted {counted.requests:,} requests, "
            f"{counted.failed:,} of them with a status from 500"
        )

    def _serving(self) -> dict[str, KubernetesObject]:
        return {pod["metadata"]["uid"]: pod for pod in self._site_pods if cluster.is_serving(pod)}

    def _templates(self) -> Iterator[KubernetesObject]:
        """Yield the pod templates of Job and Deployment."""
        for thing in [*self._whole.jobs, *self._whole.deployments]:
            yield thing["spec"]["template"]["spec"]

    def _needed_entries(self) -> Iterator[tuple[str, str]]:
        """Yield each Secret that the pods need with its entry; empty if any will do."""
        for spec in self._templates():
            for secret in spec.get("imagePullSecrets", []):
                yield secret["name"], ""
            for container in [*spec.get("initContainers", []), *spec["containers"]]:
                for variable in container.get("env", []):
                    reference = variable.get("valueFrom", {}).get("secretKeyRef")
                    if reference and not reference.get("optional"):
                        yield reference["name"], reference["key"]


def _release(target: Target, build: str) -> ListedRelease:
    name = target.release(build)
    listed = cluster.releases(target.namespace, f"^{name}$")
    if not listed:
        of = f" of tenant {target.tenant}" if target.tenant else ""
        raise UsageError(f"build {build}{of} is not installed in namespace {target.namespace}")
    return listed[0]


def _is_initialized(pod: KubernetesObject) -> bool:
    return bool(cluster.condition(pod, "Initialized", "True"))


def _holds(sentence: str) -> Finding:
    return Finding("", sentence)


def _waits(sentence: str) -> Finding:
    return Finding("", sentence, is_waiting=True)
