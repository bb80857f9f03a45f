"""All builds of a namespace at one time, as the cluster, their sites and the routing have them."""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime

from modelsystem_release import cluster, traffic
from modelsystem_release.cluster import KubernetesObject, ListedRelease, Snapshot, Target
from modelsystem_release.diagnosis.facts import ModelFacts, facts
from modelsystem_release.diagnosis.requests import RecentRequests, RequestMeter
from modelsystem_release.diagnosis.shares import TrafficShare, traffic_share
from modelsystem_release.diagnosis.states import Condition, condition, pods_of_site
from modelsystem_release.judging import GateRecord
from modelsystem_release.traffic import Build, Routing
from modelsystem_shared.errors import ServiceError

_AT_ONCE = 8  # builds whose sites are asked at the same time
_NOTHING = Snapshot((), (), ())


@dataclass(frozen=True)
class BuildStatus:
    """One build.

    facts, recent: None if no pod of its site answers. gate: None if the gate was not asked.
    stays: why `release prune` keeps it, empty if it does not; None if the routes cannot be read.
    notes: what could not be read.
    """

    number: str
    tenant: str
    release: str
    installed: datetime
    condition: Condition
    share: TrafficShare
    pods_ready: int
    pods: int
    gate: GateRecord | None
    stays: str | None = None
    facts: ModelFacts | None = None
    recent: RecentRequests | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limits:
    """What `release prune` would keep beside the builds that are needed."""

    keep: int
    days: float


@dataclass
class Overview:
    """Looks at a namespace; each look counts the requests since those before.

    tenant: None for all. window: seconds over which requests are counted at most.
    """

    namespace: str
    tenant: str | None
    limits: Limits
    window: float
    _facts: dict[str, ModelFacts] = field(default_factory=dict)  # a build's model never changes

    def __post_init__(self) -> None:
        """Begin to count with the first look."""
        self._meter = RequestMeter(self.window)
        self._target = Target(self.namespace)

    def look(self) -> list[BuildStatus]:
        """Return all builds, the newest first.

        Raises:
            ServiceError: Helm or the cluster does not answer.

        """
        releases = cluster.releases(self.namespace)
        snapshots = cluster.take_snapshots(self._target)
        statuses = [*self._known(releases, snapshots)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            pods = [_scorers(snapshots.get(status.release, _NOTHING)) for status in statuses]
            return [*pool.map(self._with_site, statuses, pods)]

    def _known(
        self, releases: list[ListedRelease], snapshots: Mapping[str, Snapshot]
    ) -> Iterable[BuildStatus]:
        """Yield each build as Helm, the cluster and the routing know it."""
        helm_statuses = {release["name"]: release["status"] for release in releases}
        routings = traffic.read_routings(releases, self.namespace)
        stays = self._reasons(releases, snapshots, routings)
        for build in traffic.builds_of_all(releases):
            snapshot = snapshots.get(build.release, _NOTHING)
            tenant = tenant_of(snapshot)
            if self.tenant is not None and tenant != self.tenant:
                continue
            ready, replicas = pods_of_site(snapshot)
            yield BuildStatus(
                number=build.number,
                tenant=tenant,
                release=build.release,
                installed=build.updated,
                condition=self._condition(snapshot, helm_statuses[build.release]),
                share=traffic_share(routings.get(tenant, []), build.number),
                pods_ready=ready,
                pods=replicas,
                gate=next(map(GateRecord.of, snapshot.deployments), None),
                stays=stays.get(build.release),
            )

    def _condition(self, snapshot: Snapshot, helm_status: str) -> Condition:
        running = cluster.trainers(snapshot)
        progress = cluster.read_progress(self._target, running[-1]) if running else ""
        return condition(snapshot, progress, helm_status)

    def _reasons(
        self,
        releases: list[ListedRelease],
        snapshots: Mapping[str, Snapshot],
        routings: Mapping[str, list[Routing]],
    ) -> dict[str, str]:
        """Return why builds stay, by their release; empty if the routes cannot be read."""
        try:
            references = cluster.references(self._target)
        except ServiceError:  # not every account may read all kinds of routes
            return {}
        by_tenant: dict[str, list[Build]] = defaultdict(list)
        for build in traffic.builds_of_all(releases):
            by_tenant[tenant_of(snapshots.get(build.release, _NOTHING))].append(build)
        judged = [
            build
            for tenant, builds in by_tenant.items()
            for build in traffic.with_reasons(
                builds,
                traffic.reasons_to_stay(routings.get(tenant, []), references, builds),
                self.limits.keep,
                self.limits.days,
            )
        ]
        return {build.release: build.reason for build in judged}

    def _with_site(self, status: BuildStatus, pods: Mapping[str, KubernetesObject]) -> BuildStatus:
        """Add what the site's pods say; a note if they do not answer."""
        if not pods:
            return status
        try:
            if status.release not in self._facts:  # before the counters: this request is ours
                pod = next(iter(pods.values()))
                self._facts[status.release] = facts(self._target.read_pod(pod, "/v1/provenance"))
            texts = self._target.metrics_of(pods)
            recent = self._meter.look(status.release, texts, time.monotonic())
        except ServiceError as error:
            return replace(status, facts=self._facts.get(status.release), notes=(str(error),))
        return replace(status, facts=self._facts[status.release], recent=recent)


def tenant_of(snapshot: Snapshot) -> str:
    """Return the tenant of a build: the Job's TENANTID, else the label, which is made of it."""
    for job in snapshot.jobs:
        for container in job["spec"]["template"]["spec"]["containers"]:
            for variable in container.get("env", []):
                if variable["name"] == "TENANTID":
                    return str(variable.get("value", ""))
    labels = [site["metadata"].get("labels") or {} for site in snapshot.deployments]
    return next((str(known.get("modelsystem/tenant", "")) for known in labels), "")


def _scorers(snapshot: Snapshot) -> dict[str, KubernetesObject]:
    """Return the site's serving pods by uid."""
    return {
        pod["metadata"]["uid"]: pod
        for pod in snapshot.pods
        if is_of_site(pod) and cluster.is_serving(pod)
    }


def is_of_site(pod: KubernetesObject) -> bool:
    """Return whether a pod is of the site, not of the training."""
    return any(container["name"] == "scorer" for container in pod["spec"]["containers"])
