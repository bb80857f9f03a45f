"""Removes a build: its Helm release, and its model folder by a Job that mounts the claim."""

import json
from importlib import resources

from modelsystem_release.cluster import helm, programs
from modelsystem_release.cluster.objects import KubernetesObject, name_of
from modelsystem_release.cluster.target import Target
from modelsystem_shared.errors import ServiceError

_SECONDS = 180  # for the Job


def remove_build(target: Target, release: str) -> None:
    """Uninstall a build's release, then remove its model folder, and wait until both are gone.

    Raises:
        ServiceError: the release has no Deployment that names the folder, or the Job fails.

    """
    deployments = target.of_release("deployments", release)
    if not deployments:
        raise ServiceError(f"{release} has no Deployment: remove it by hand")
    job = removal_job(deployments[0])
    helm.uninstall(release, target.namespace)
    namespace, name = ["--namespace", target.namespace], f"job/{name_of(job)}"
    text = json.dumps(job, sort_keys=True)
    programs.run("kubectl", ["create", "--filename", "-", *namespace], stdin=text)
    limits = ["--for", "condition=Complete", "--timeout", f"{_SECONDS + 20}s"]
    programs.run("kubectl", ["wait", name, *limits, *namespace])
    programs.run("kubectl", ["delete", name, *namespace])


def removal_job(deployment: KubernetesObject) -> KubernetesObject:
    """Return the Job: image, user and claim are those of the site's waiter, but it may write."""
    spec = deployment["spec"]["template"]["spec"]
    waiter = _named(spec["initContainers"], "waiter-container")
    name = name_of(deployment).replace("scoring-deployment-", "prune-")[:63]
    labels = {
        "app.kubernetes.io/part-of": "modelsystem",
        "app.kubernetes.io/component": "prune",
        "sidecar.istio.io/inject": "false",  # a pod with a sidecar would never end
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "backoffLimit": 1,
            "activeDeadlineSeconds": _SECONDS,
            "ttlSecondsAfterFinished": 86_400,
            "template": {"metadata": {"labels": labels}, "spec": _pod_spec(spec, waiter)},
        },
    }


def _pod_spec(spec: KubernetesObject, waiter: KubernetesObject) -> KubernetesObject:
    claim = _named(spec["volumes"], "models")["persistentVolumeClaim"]["claimName"]
    mount_path = _named(waiter["volumeMounts"], "models")["mountPath"]
    model_folder = _named(waiter["env"], "MODELFOLDER")["value"]
    container = {
        "name": "prune",
        "image": waiter["image"],
        "command": ["python", "-c", _script()],
        "env": [
            {"name": "MOUNT", "value": mount_path},
            {"name": "MODELFOLDER", "value": model_folder},
        ],
        "securityContext": waiter.get("securityContext", {}),
        "resources": waiter.get("resources", {}),
        "volumeMounts": [{"name": "models", "mountPath": mount_path}],
    }
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": spec.get("securityContext", {}),
        "imagePullSecrets": spec.get("imagePullSecrets", []),
        "containers": [container],
        "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": claim}}],
    }


def _named(things: list[KubernetesObject], name: str) -> KubernetesObject:
    return next(thing for thing in things if thing["name"] == name)


def _script() -> str:
    package = resources.files("modelsystem_release.cluster")
    return (package / "removal.py").read_text(encoding="utf-8")
