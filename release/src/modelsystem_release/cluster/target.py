"""What a namespace of the cluster says of builds, by kubectl; and a way to their sites."""

import contextlib
import json
import os
import re
import select
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelsystem_release import naming
from modelsystem_release.cluster import programs, watching
from modelsystem_release.cluster.site import Site, is_url
from modelsystem_release.errors import ServiceError

_FORWARDED = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")
_PATIENCE = 30.0  # seconds for a port-forward to stand


@dataclass(frozen=True)
class Namespace:
    """A namespace, the tenant whose builds are meant, and the sites known by URL."""

    name: str
    tenant: str = ""
    sites: Mapping[str, str] = field(default_factory=dict)

    def get(self, kind: str, *arguments: str) -> list[dict[str, Any]]:
        """Return objects of a kind."""
        found = programs.ask("kubectl", ["get", kind, "--namespace", self.name, *arguments])
        items: list[dict[str, Any]] = found.get("items", [found])
        return items

    def of_release(self, kind: str, release: str) -> list[dict[str, Any]]:
        """Return a Helm release's objects of a kind."""
        return self.get(kind, "--selector", f"app.kubernetes.io/instance={release}")

    def is_ready(self, build: str) -> bool:
        """Whether every pod that a build's site should have is ready."""
        if url := self.url(build):
            with Site(url) as site, contextlib.suppress(ServiceError):
                return bool(site.get("/readyz")["build"] == build or is_url(build))
            return False
        found = self.of_release("deployments", naming.release(build, self.tenant))
        return bool(found) and all(map(watching.is_available, found))

    def url(self, build: str) -> str | None:
        """Return the URL of a build's site, where it needs no port-forward."""
        return build if is_url(build) else self.sites.get(build)

    def metrics(self, build: str) -> list[str]:
        """Return what each pod of a build's site shows at /metrics."""
        if url := self.url(build):
            with Site(url) as site:
                return [site.text("/metrics").decode()]
        selector = f"app.kubernetes.io/instance={naming.release(build, self.tenant)}"
        selector += ",app.kubernetes.io/component=scorer"
        pods = [pod["metadata"]["name"] for pod in self.get("pods", "--selector", selector)]
        root = f"/api/v1/namespaces/{self.name}/pods"
        return [
            programs.run("kubectl", ["get", "--raw", f"{root}/{pod}:3000/proxy/metrics"])
            for pod in pods
        ]

    @contextlib.contextmanager
    def site(self, build: str) -> Iterator[str]:
        """Give the URL of a build's site as long as the context lasts, by port-forward.

        A URL is taken as it is.
        """
        if url := self.url(build):
            yield url
            return
        target = f"service/{naming.service(build, self.tenant)}"
        command = [programs.find("kubectl"), "port-forward", "--namespace", self.name]
        with subprocess.Popen(  # noqa: S603  # no shell; kubectl as found on PATH
            [*command, "--address", "127.0.0.1", target, ":80"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                yield f"http://127.0.0.1:{_port(process, target)}"
            finally:
                process.terminate()


def values(release: str, namespace: str) -> dict[str, Any]:
    """Return the values that a Helm release was given; nothing where there were none."""
    found: dict[str, Any] | None = programs.ask(
        "helm", ["get", "values", release, "--namespace", namespace]
    )
    return found or {}


def releases(namespace: str, pattern: str) -> list[dict[str, Any]]:
    """Return the Helm releases whose names match a pattern, as `helm list` tells of them."""
    found: list[dict[str, Any]] = programs.ask(
        "helm", ["list", "--namespace", namespace, "--filter", pattern, "--max", "0", "--all"]
    )
    return found


def _port(process: "subprocess.Popen[bytes]", target: str) -> str:
    """Wait for the line that names the port."""
    assert process.stdout
    assert process.stderr
    deadline, told = time.monotonic() + _PATIENCE, b""
    while time.monotonic() < deadline and process.poll() is None:
        if select.select([process.stdout], [], [], 0.5)[0]:
            told += os.read(process.stdout.fileno(), 4096)
            if found := _FORWARDED.search(told.decode(errors="replace")):
                return found[1]
    process.terminate()
    reason = process.stderr.read().decode(errors="replace").strip()
    raise ServiceError(f"kubectl port-forward {target}: {reason or 'no port in time'}")


def dumps(value: Any) -> str:
    """Return compact JSON, its keys in order."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
