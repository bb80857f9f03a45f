"""Removes a build: its model folder by a Job that mounts the claim, then its Helm release."""

import json
import time
from importlib import resources

from modelsystem_release.cluster import helm, programs
from modelsystem_release.cluster.objects import KubernetesObject, condition, name_of
from modelsystem_release.cluster.target import Target
from modelsystem_shared.errors import ServiceError

_SECONDS = 180  # for the Job, and for the end of the site's pods
_GRACE = 60  # seconds more until a Job that ran out of time has the condition Failed
_INTERVAL = 2.0  # seconds between two looks
_FAILED = "it has no log"
_OTHER = "model folder: "  # how the Job's log names another one
_COMPONENT = "app.kubernetes.io/component"
_WAITER = "waiter-container"


def remove_build(target: Target, release: str) -> list[str]:
    """Remove a build's model folder, then its release; return the model folders beside it.

    The site's pods are ended first. A second call after a failure goes on where the first stopped.

    Raises:
        ServiceError: the release has no Deployment that names the folder, a pod does not end, or
            the Job fails; with the Job's reason. The release is still installed.

    """
    deployments = target.of_release("deployments", release)
    if not deployments:
        raise ServiceError(f"{release} has no Deployment: remove it by hand")
    _end_pods(target, release, deployments[0])
    log = _run(target, removal_job(deployments[0]))
    helm.uninstall(release, target.namespace)
    return [line.removeprefix(_OTHER) for line in log.splitlines() if line.startswith(_OTHER)]


def model_folders(target: Target) -> set[str]:
    """Return the model folders of all installed builds of the namespace."""
    specs = [site["spec"]["template"]["spec"] for site in target.get("deployments")]
    containers = [container for spec in specs for container in spec.get("initContainers", [])]
    waiters = [container for container in containers if container["name"] == _WAITER]
    return {_named(waiter["env"], "MODELFOLDER")["value"] for waiter in waiters}


def _end_pods(target: Target, release: str, deployment: KubernetesObject) -> None:
    """End the site's pods: a share may refuse to remove files that they hold open."""
    name = f"deployment/{name_of(deployment)}"
    programs.run("kubectl", ["scale", name, "--replicas", "0", "--namespace", target.namespace])
    until = time.monotonic() + _SECONDS
    while pods := _site_pods(target, release):
        if time.monotonic() >= until:
            raise ServiceError(f"pod {name_of(pods[0])} does not end: nothing is removed")
        time.sleep(_INTERVAL)


def _site_pods(target: Target, release: str) -> list[KubernetesObject]:
    pods = target.of_release("pods", release)
    is_running = {"Pending", "Running", "Unknown"}
    return [pod for pod in pods if pod["status"].get("phase") in is_running]


def _run(target: Target, job: KubernetesObject) -> str:
    """Run a Job to its end, and return its log.

    Raises:
        ServiceError: it fails; with its last words.

    """
    name, namespace = f"job/{name_of(job)}", ["--namespace", target.namespace]
    delete = ["delete", name, "--ignore-not-found", *namespace]
    programs.run("kubectl", delete)  # of a run that was stopped or failed
    text = json.dumps(job, sort_keys=True)
    programs.run("kubectl", ["create", "--filename", "-", *namespace], stdin=text)
    reason = _failure(target, name_of(job))
    log = programs.run("kubectl", ["logs", name, *namespace]) if reason in ("", _FAILED) else ""
    programs.run("kubectl", delete)
    if reason:
        words = " ".join(log.split()) or reason
        raise ServiceError(f"{name_of(job)} failed: {words}")
    return log


def _failure(target: Target, name: str) -> str:
    """Wait for the end of a Job; return why it failed, empty if it is complete."""
    until = time.monotonic() + _SECONDS + _GRACE
    while time.monotonic() < until:
        for job in target.get("jobs", "--selector", f"{_COMPONENT}=prune"):
            if name_of(job) == name and condition(job, "Complete", "True"):
                return ""
            if name_of(job) == name and (failed := condition(job, "Failed", "True")):
                is_deadline = failed.get("reason") == "DeadlineExceeded"  # its pods are gone
                return str(failed.get("message")) if is_deadline else _FAILED
        time.sleep(_INTERVAL)
    return f"no end after {_SECONDS + _GRACE} s"


def removal_job(deployment: KubernetesObject) -> KubernetesObject:
    """Return the Job: image, user and claim are those of the site's waiter, but it may write."""
    spec = deployment["spec"]["template"]["spec"]
    waiter = _named(spec["initContainers"], _WAITER)
    name = name_of(deployment).replace("scoring-deployment-", "prune-")[:63]
    labels = {
        "app.kubernetes.io/part-of": "modelsystem",
        _COMPONENT: "prune",
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
        "terminationMessagePolicy": "FallbackToLogsOnError",
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
