"""A small fake cluster: `fake_program` on PATH as kubectl and helm."""

import fcntl
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.release.recorded import recorded

PROGRAM = Path(__file__).with_name("fake_program.py")
OLD = "2026-01-02 03:04:05.6 +0000 UTC"


class Cluster:
    """Its state, and the calls that were made to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name in ("kubectl", "helm"):
            script = folder / name
            script.write_text(f'#!/bin/sh\nexec {sys.executable} -SE {PROGRAM} "$0" "$@"\n')
            script.chmod(0o755)
        empty = {"objects": [], "frames": {}, "releases": {}, "sites": {}, "logs": {}, "fail": {}}
        self.change(**empty, ended={})

    @property
    def environ(self) -> dict[str, str]:
        """The variables with which a process uses it."""
        path = f"{self.folder}:/usr/bin:/bin"
        return {"PATH": path, "FAKE_CLUSTER": str(self.folder), "LANG": os.environ.get("LANG", "C")}

    @property
    def state(self) -> dict[str, Any]:
        """The whole state."""
        with self._locked():
            return self._load()

    @property
    def calls(self) -> list[list[str]]:
        """Every call: program and arguments."""
        path = self.folder / "calls.jsonl"
        with self._locked():
            lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def changing(self) -> list[list[str]]:
        """Return the calls that change something."""
        verbs = {"upgrade", "uninstall", "create", "delete", "scale", "annotate"}
        return [call for call in self.calls if call[1] in verbs]

    def end_forwards(self) -> None:
        """End every port-forward, as kubectl does when its pod is gone."""
        for path in self.folder.glob("forward-*"):
            os.kill(int(path.name.partition("-")[2]), signal.SIGTERM)
            path.unlink()

    def change(self, **parts: Any) -> None:
        """Replace parts of the state."""
        with self._changed() as state:
            state.update(parts)

    def add(self, *objects: dict[str, Any]) -> None:
        """Add objects."""
        with self._changed() as state:
            state["objects"].extend(objects)

    def route(self, weights: dict[str, int], **more: Any) -> None:
        """Install the routing release."""
        builds = [{"number": build, "weight": share} for build, share in weights.items()]
        values = {"provider": "gateway", "builds": builds} | more
        self.install("modelsystem-routing", values=values)

    def install(self, name: str, **revision: Any) -> None:
        """Install a Helm release."""
        chart = "modelsystem-routing" if "routing" in name else "modelsystem"
        installed = {
            "values": {}, "description": "", "status": "deployed", "updated": OLD,
            "app_version": "", "chart": f"{chart}-0.0.0",
        } | revision  # fmt: skip
        with self._changed() as state:
            state["releases"][name] = [installed]

    def routed(self) -> dict[str, int]:
        """Return the weights that the routing release has."""
        values = self.state["releases"]["modelsystem-routing"][-1]["values"]
        return {build["number"]: build["weight"] for build in values["builds"]}

    @contextmanager
    def _changed(self) -> Iterator[dict[str, Any]]:
        """Let the state be changed while no call looks at it."""
        with self._locked():
            yield (state := self._load())
            (self.folder / "state.json").write_text(json.dumps(state))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep the calls of `fake_program` out."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _load(self) -> dict[str, Any]:
        path = self.folder / "state.json"
        state: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return state


def ready_build(name: str, build: str) -> dict[str, Any]:
    """Return an object of a ready build, as a real cluster had it of build 101."""
    text = json.dumps(recorded("ready-build")[name])
    thing: dict[str, Any] = json.loads(text.replace("101", build.replace(".", "-")))
    return thing


def deployment(build: str, ready: int = 2, replicas: int = 2) -> dict[str, Any]:
    """Return a site's Deployment."""
    site = ready_build("Deployment", build)
    site["spec"]["replicas"] = replicas
    site["status"]["readyReplicas"] = ready
    return site


def service(build: str) -> dict[str, Any]:
    """Return a site's Service, which selects what the Deployment does."""
    site = deployment(build)
    name = site["metadata"]["name"].replace("deployment-", "")
    metadata = {"name": name, "labels": site["metadata"]["labels"]}
    selector = site["spec"]["selector"]["matchLabels"]
    return {"kind": "Service", "metadata": metadata, "spec": {"selector": selector}}


def http_route(*builds: str) -> dict[str, Any]:
    """Return the route of the routing chart to these builds, as a real Gateway has accepted one."""
    routes = {made["metadata"]["name"]: made for made in recorded("httproutes")}
    backends = [{"name": service(build)["metadata"]["name"]} for build in builds]
    labels = {"app.kubernetes.io/instance": "modelsystem-routing"}
    metadata = {"name": "scoring", "labels": labels}
    return routes["route-good"] | {
        "metadata": metadata, "spec": {"rules": [{"backendRefs": backends}]}
    }  # fmt: skip


def pod(name: str, build: str, component: str = "scorer", **status: Any) -> dict[str, Any]:
    """Return a running pod of the site or the training; `status` has what differs."""
    running = ready_build(component, build)
    running["metadata"] |= {"name": name, "uid": f"uid-{name}"}
    running["status"] |= {"phase": "Running"} | status
    return running


def job(build: str, **conditions: str) -> dict[str, Any]:
    """Return a training Job with conditions: type to message."""
    training = ready_build("Job", build)
    training["status"] = {
        "conditions": [{"type": k, "status": "True", "message": m} for k, m in conditions.items()]
    }
    return training


def claim(phase: str = "Bound") -> dict[str, Any]:
    """Return the volume's claim."""
    metadata = {"name": "azurefilecustom"}
    return {"kind": "PersistentVolumeClaim", "metadata": metadata, "status": {"phase": phase}}
