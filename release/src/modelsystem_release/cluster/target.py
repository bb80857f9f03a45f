"""Where builds run: a namespace of the cluster, or sites that are known by URL."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from modelsystem_release import naming
from modelsystem_release.cluster import programs
from modelsystem_release.cluster.objects import (
    KubernetesObject,
    ObjectList,
    is_available,
    is_serving,
    name_of,
)
from modelsystem_release.cluster.port_forward import PortForward
from modelsystem_release.cluster.site import Site, is_url
from modelsystem_shared.errors import ServiceError, UsageError

_UNKNOWN_KIND = "the server doesn't have a resource type"  # kubectl's words


def check_namespace(namespace: str) -> None:
    """Refuse a namespace that does not exist: Helm and kubectl list nothing there, and exit with 0.

    Raises:
        UsageError: it does not exist.

    """
    try:
        programs.run("kubectl", ["get", "namespace", namespace])
    except ServiceError as error:  # not every account may read namespaces
        if "not found" in str(error):
            raise UsageError(f"there is no namespace {namespace}") from error


@dataclass(frozen=True)
class Target:
    """A namespace, the tenant of its builds, and the sites that are known by URL."""

    namespace: str
    tenant: str = ""
    sites: Mapping[str, str] = field(default_factory=dict)

    def release(self, build: str) -> str:
        """Return the name of a build's Helm release."""
        return naming.release(build, self.tenant)

    def get(self, kind: str, *arguments: str) -> list[KubernetesObject]:
        """Return the namespace's objects of a kind, or of several kinds with commas."""
        command = ["get", kind, "--namespace", self.namespace, *arguments]
        return programs.ask("kubectl", command, ObjectList)["items"]

    def get_if_served(self, kind: str) -> list[KubernetesObject]:
        """Return the namespace's objects of a kind; none if the cluster does not have the kind."""
        try:
            return self.get(kind)
        except ServiceError as error:
            if _UNKNOWN_KIND in str(error):
                return []
            raise

    def of_release(self, kind: str, release: str) -> list[KubernetesObject]:
        """Return a Helm release's objects of a kind."""
        return self.get(kind, "--selector", f"app.kubernetes.io/instance={release}")

    def is_ready(self, build: str) -> bool:
        """Return whether every pod of a build's site is ready."""
        if url := self.url(build):
            with Site(url) as site, contextlib.suppress(ServiceError):
                return site.is_ready_as(build) or is_url(build)
            return False
        deployments = self.of_release("deployments", self.release(build))
        return bool(deployments) and all(map(is_available, deployments))

    def url(self, build: str) -> str | None:
        """Return the URL of a build's site; None if it needs a port-forward."""
        return build if is_url(build) else self.sites.get(build)

    def readiness(self, build: str) -> tuple[int, int]:
        """Return how many pods of a build's site are ready, and how many there should be."""
        if self.url(build):
            return int(self.is_ready(build)), 1
        deployments = self.of_release("deployments", self.release(build))
        ready = sum(site.get("status", {}).get("readyReplicas", 0) for site in deployments)
        return ready, sum(site["spec"].get("replicas", 1) for site in deployments)

    def pods(self, build: str) -> dict[str, KubernetesObject]:
        """Return the pods of a build's site by uid; none if the site is known by URL."""
        if self.url(build):
            return {}
        instance = f"app.kubernetes.io/instance={self.release(build)}"
        scorers = f"{instance},app.kubernetes.io/component=scorer"
        return {pod["metadata"]["uid"]: pod for pod in self.get("pods", "--selector", scorers)}

    def metrics(self, build: str) -> dict[str, str]:
        """Return /metrics of each pod that gets requests, by uid; not of one that has just ended.

        Raises:
            ServiceError: no pod answers.

        """
        if url := self.url(build):
            with Site(url) as site:
                return {url: site.read("/metrics").decode()}
        serving = {uid: pod for uid, pod in self.pods(build).items() if is_serving(pod)}
        return self.metrics_of(serving)

    def metrics_of(self, pods: Mapping[str, KubernetesObject]) -> dict[str, str]:
        """Return /metrics of pods, by their uids; not of one that has just ended.

        Raises:
            ServiceError: no pod answers.

        """
        texts, error = {}, None
        for uid, pod in pods.items():
            try:
                texts[uid] = self.read_pod(pod, "/metrics")
            except ServiceError as refused:
                error = refused
        if error and not texts:
            raise error
        return texts

    def read_pod(self, pod: KubernetesObject, path: str) -> str:
        """Return the body of an answer of one pod of a site, by the API server's proxy.

        Raises:
            ServiceError: it does not answer, or not with status 200.

        """
        pods = f"/api/v1/namespaces/{self.namespace}/pods"
        return programs.run("kubectl", ["get", "--raw", f"{pods}/{name_of(pod)}:3000/proxy{path}"])

    def annotate(self, build: str, key: str, value: str) -> None:
        """Set an annotation of a build's Deployment; its pods stay as they are.

        Raises:
            ServiceError: the Deployment is not there, or may not be changed.

        """
        for site in self.of_release("deployments", self.release(build)):
            name, place = f"deployment/{name_of(site)}", ["--namespace", self.namespace]
            programs.run("kubectl", ["annotate", name, f"{key}={value}", "--overwrite", *place])

    def secret_entries(self, name: str) -> set[str]:
        """Return the names of a Secret's entries, without their values.

        Raises:
            ServiceError: there is no such Secret, or it may not be read.

        """
        template = "go-template={{range $name, $value := .data}}{{$name}} {{end}}"
        place = ["--namespace", self.namespace]
        return set(programs.run("kubectl", ["get", "secret", name, *place, "-o", template]).split())

    @contextlib.contextmanager
    def site(self, build: str) -> Iterator[Site]:
        """Open a build's site: by its URL if it is known, else by port-forward."""
        with contextlib.ExitStack() as stack:
            if url := self.url(build):
                yield stack.enter_context(Site(url))
            else:
                service = naming.service(build, self.tenant)
                way = stack.enter_context(PortForward(service, self.namespace))
                yield stack.enter_context(Site(way.url, way.renewed_url))
