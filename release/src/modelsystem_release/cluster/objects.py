"""Kubernetes objects, as `kubectl get --output json` prints them."""

from typing import Any, TypedDict

# Its fields are those of its kind and its API version; each reader names the few that it needs.
KubernetesObject = dict[str, Any]


class ObjectList(TypedDict):
    """The answer to `kubectl get`."""

    items: list[KubernetesObject]


def name_of(thing: KubernetesObject) -> str:
    """Return an object's name."""
    return str(thing["metadata"]["name"])


def release_of(thing: KubernetesObject) -> str:
    """Return the Helm release that an object belongs to; empty if it belongs to none."""
    return str((thing["metadata"].get("labels") or {}).get("app.kubernetes.io/instance", ""))


def mounted_claims(pod_spec: KubernetesObject) -> list[str]:
    """Return the names of the claims that a pod mounts."""
    return [
        volume["persistentVolumeClaim"]["claimName"]
        for volume in pod_spec.get("volumes", [])
        if "persistentVolumeClaim" in volume
    ]


def condition(thing: KubernetesObject, kind: str, status: str) -> KubernetesObject | None:
    """Return an object's condition of a type and a status; None without one."""
    conditions: list[KubernetesObject] = thing.get("status", {}).get("conditions", [])
    return next((c for c in conditions if (c["type"], c["status"]) == (kind, status)), None)


def container_statuses(pod: KubernetesObject) -> list[KubernetesObject]:
    """Return the statuses of all containers of a pod, init containers first."""
    status = pod["status"]
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def is_available(deployment: KubernetesObject) -> bool:
    """Return whether every pod of a Deployment is ready."""
    replicas, status = deployment["spec"].get("replicas", 1), deployment.get("status", {})
    generation = deployment["metadata"].get("generation", 0)
    is_current = status.get("observedGeneration", 0) >= generation
    return bool(is_current and replicas > 0 and status.get("readyReplicas", 0) >= replicas)


def is_serving(pod: KubernetesObject) -> bool:
    """Return whether a pod is ready and not about to end."""
    return "deletionTimestamp" not in pod["metadata"] and bool(condition(pod, "Ready", "True"))
