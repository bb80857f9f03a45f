"""A small fake cluster: `fake_program` on PATH as kubectl and helm."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("fake_program.py")
OLD = "2026-01-02 03:04:05.6 +0000 UTC"


class Cluster:
    """Its state, and the calls that were made to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name in ("kubectl", "helm"):
            script = folder / name
            script.write_text(f'#!/bin/sh\nexec {sys.executable} {PROGRAM} "$0" "$@"\n')
            script.chmod(0o755)
        empty = {"objects": [], "frames": {}, "releases": {}, "sites": {}, "logs": {}, "fail": {}}
        self.change(**empty, ended={}, helm="4.1.4+g05fa379")

    @property
    def environ(self) -> dict[str, str]:
        """The variables with which a process uses it."""
        path = f"{self.folder}:/usr/bin:/bin"
        return {"PATH": path, "FAKE_CLUSTER": str(self.folder), "LANG": os.environ.get("LANG", "C")}

    @property
    def state(self) -> dict[str, Any]:
        """The whole state."""
        path = self.folder / "state.json"
        state: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return state

    @property
    def calls(self) -> list[list[str]]:
        """Every call: program and arguments."""
        path = self.folder / "calls.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def changing(self) -> list[list[str]]:
        """Return the calls that change something."""
        verbs = {"upgrade", "uninstall", "create", "delete", "scale"}
        return [call for call in self.calls if call[1] in verbs]

    def end_forwards(self) -> None:
        """End every port-forward, as kubectl does when its pod is gone."""
        for path in self.folder.glob("forward-*"):
            os.kill(int(path.name.partition("-")[2]), signal.SIGTERM)
            path.unlink()

    def change(self, **parts: Any) -> None:
        """Replace parts of the state."""
        (self.folder / "state.json").write_text(json.dumps(self.state | parts))

    def add(self, *objects: dict[str, Any]) -> None:
        """Add objects."""
        self.change(objects=[*self.state["objects"], *objects])

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
        self.change(releases=self.state["releases"] | {name: [installed]})

    def routed(self) -> dict[str, int]:
        """Return the weights that the routing release has."""
        values = self.state["releases"]["modelsystem-routing"][-1]["values"]
        return {build["number"]: build["weight"] for build in values["builds"]}


def labels(build: str, component: str = "scorer") -> dict[str, str]:
    """Return the labels of a build's object."""
    return {
        "app.kubernetes.io/instance": f"mlrelease-{build.replace('.', '-')}",
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/name": "modelsystem",
        "version": build.replace(".", "-"),
    }


def deployment(build: str, ready: int = 2, replicas: int = 2) -> dict[str, Any]:
    """Return a site's Deployment, as the chart makes it."""
    waiter = {
        "name": "waiter-container",
        "image": f"modelsystem/waiter:{build}",
        "env": [{"name": "MODELFOLDER", "value": f"/mnt/azure/{build}"}],
        "securityContext": {"readOnlyRootFilesystem": True},
        "volumeMounts": [{"name": "models", "mountPath": "/mnt/azure", "readOnly": True}],
    }
    claim = {"claimName": "azurefilecustom", "readOnly": True}
    return {
        "kind": "Deployment",
        "metadata": {
            "name": f"scoring-deployment-{build}", "labels": labels(build), "generation": 1
        },
        "spec": {
            "replicas": replicas,
            "progressDeadlineSeconds": 4500,
            "template": {"metadata": {"labels": labels(build)}, "spec": {
                "initContainers": [waiter],
                "securityContext": {"runAsUser": 10001},
                "volumes": [{"name": "models", "persistentVolumeClaim": claim}],
            }},
        },
        "status": {"observedGeneration": 1, "readyReplicas": ready},
    }  # fmt: skip


def service(build: str) -> dict[str, Any]:
    """Return a site's Service."""
    marks = labels(build)
    del marks["app.kubernetes.io/instance"]
    return {
        "kind": "Service",
        "metadata": {"name": f"scoring-{build.replace('.', '-')}", "labels": labels(build)},
        "spec": {"selector": marks},
    }


def pod(name: str, build: str, component: str = "scorer", **status: Any) -> dict[str, Any]:
    """Return a pod."""
    volumes = [{"name": "models", "persistentVolumeClaim": {"claimName": "azurefilecustom"}}]
    return {
        "kind": "Pod",
        "metadata": {"name": name, "uid": f"uid-{name}", "labels": labels(build, component)},
        "spec": {"containers": [{"name": component}], "volumes": volumes},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        | status,
    }


def job(build: str, **conditions: str) -> dict[str, Any]:
    """Return a training Job with conditions: type to message."""
    listed = [
        {"type": kind, "status": "True", "message": message} for kind, message in conditions.items()
    ]
    return {
        "kind": "Job",
        "metadata": {"name": f"trainingjob-{build}", "labels": labels(build, "trainer")},
        "status": {"conditions": listed},
    }


def claim(phase: str = "Bound") -> dict[str, Any]:
    """Return the volume's claim."""
    return {
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "azurefilecustom"},
        "status": {"phase": phase},
    }
