"""`release prune`: removes builds that nobody needs any more, release and model."""

import argparse
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

from modelsystem_release import naming
from modelsystem_release.cluster import programs, target
from modelsystem_release.cluster.target import Namespace
from modelsystem_release.commands.arguments import Commands, Parser, command, show, table
from modelsystem_release.errors import ServiceError
from modelsystem_release.traffic import routing as weights
from modelsystem_release.traffic.routing import Routing

log = logging.getLogger(__name__)
_UPDATED = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)? ?(Z|[+-]\d\d:?\d\d)")
_JOB_SECONDS = 180
MORE = """Never removed: what has traffic, is mirrored to or kept for testers; the champion before
the current one; builds younger than --days; the newest --keep; other tenants' builds. First goes
the Helm release, then, by a Job in the cluster that mounts the claim, the model folder."""


@dataclass(frozen=True)
class Build:
    """An installed build, and why it stays; an empty reason means it can go."""

    number: str
    release: str
    updated: datetime
    reason: str = ""


def add(commands: "Commands[Parser]") -> None:
    """Add the command."""
    parser = command(commands, "prune", __doc__, MORE)
    parser.add_argument("--keep", type=int, default=10, metavar="N", help="the newest (default 10)")
    parser.add_argument(
        "--days", type=float, default=7, metavar="N", help="younger stay (default 7)"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would go")
    weights.add_place(parser)
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> None:
    """Say what stays and what goes, then remove that."""
    space = Namespace(chosen.namespace, chosen.tenant)
    installed = builds(target.releases(chosen.namespace, "^mlrelease-"), chosen.tenant)
    judged = judge(installed, protected(weights.store(chosen)), chosen.keep, chosen.days)
    gone = [one for one in judged if not one.reason]
    if not chosen.dry_run:
        for one in gone:
            remove(space, one)
    verb = "would go" if chosen.dry_run else "removed"
    rows = [
        (one.number, one.release, f"{one.updated:%Y-%m-%d %H:%M}", one.reason or verb)
        for one in judged
    ]
    data = {
        "removed": [one.number for one in gone],
        "kept": {one.number: one.reason for one in judged if one.reason},
        "dry_run": chosen.dry_run,
    }
    show(chosen.output == "json", data, table(("BUILD", "RELEASE", "INSTALLED", ""), rows))


def builds(listed: Sequence[dict[str, Any]], tenant: str) -> list[Build]:
    """Return a tenant's builds among Helm's releases, the newest first."""
    found = [
        Build(one["app_version"], one["name"], _time(one["updated"]))
        for one in listed
        if one["name"] == naming.release(one["app_version"], tenant)
    ]
    return sorted(found, key=lambda one: one.updated, reverse=True)


def protected(routing: Routing) -> dict[str, str]:
    """Return the builds that the routes need, each with the reason."""
    reasons = {
        build: f"has {share} % of the traffic" if share else "is listed by the route"
        for build, share in routing.weights().items()
    } | routing.needed()
    current = routing.champion()
    for change in routing.changes():
        previous = max(change.before, key=change.before.__getitem__, default=None)
        if previous and previous != current:
            reasons.setdefault(previous, "is the champion before the current one")
            break
    return reasons


def judge(
    installed: Sequence[Build], reasons: dict[str, str], keep: int, days: float
) -> list[Build]:
    """Give each build, the newest first, the reason why it stays, if there is one."""
    youngest = datetime.now(UTC) - timedelta(days=days)
    judged = []
    for place, one in enumerate(installed):
        reason = reasons.get(one.number, "")
        if not reason and one.updated > youngest:
            reason = f"is younger than {days:g} days"
        if not reason and place < keep:
            reason = f"is among the newest {keep}"
        judged.append(Build(one.number, one.release, one.updated, reason))
    return judged


def remove(space: Namespace, build: Build) -> None:
    """Uninstall a build's release, then remove its model folder.

    Raises:
        ServiceError: the release does not say where its model is, or the Job fails.

    """
    found = space.of_release("deployments", build.release)
    if not found:
        raise ServiceError(f"{build.release} has no Deployment: remove it by hand")
    job = removal_job(found[0])
    log.info("removing build %s", build.number)
    programs.run("helm", ["uninstall", build.release, "--namespace", space.name, "--wait"])
    place = ["--namespace", space.name]
    programs.run("kubectl", ["create", "--filename", "-", *place], stdin=target.dumps(job))
    name = f"job/{job['metadata']['name']}"
    wait = ["--for", "condition=Complete", "--timeout", f"{_JOB_SECONDS + 20}s"]
    programs.run("kubectl", ["wait", name, *wait, *place])
    programs.run("kubectl", ["delete", name, *place])


def removal_job(deployment: dict[str, Any]) -> dict[str, Any]:
    """Return a Job that removes the model folder of a site's Deployment.

    It runs as the site's waiter does, image, user and claim, but may write.
    """
    spec = deployment["spec"]["template"]["spec"]
    waiter = next(one for one in spec["initContainers"] if one["name"] == "waiter-container")
    name = deployment["metadata"]["name"].replace("scoring-deployment-", "prune-")[:63]
    labels = {
        "app.kubernetes.io/part-of": "modelsystem",
        "app.kubernetes.io/component": "prune",
        "sidecar.istio.io/inject": "false",  # beside a sidecar it would never end
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "backoffLimit": 1,
            "activeDeadlineSeconds": _JOB_SECONDS,
            "ttlSecondsAfterFinished": 86_400,
            "template": {"metadata": {"labels": labels}, "spec": _removal_pod(spec, waiter)},
        },
    }


def _removal_pod(spec: dict[str, Any], waiter: dict[str, Any]) -> dict[str, Any]:
    env = {one["name"]: one.get("value", "") for one in waiter["env"]}
    mount = next(one for one in waiter["volumeMounts"] if one["name"] == "models")
    claim = next(one for one in spec["volumes"] if one["name"] == "models")["persistentVolumeClaim"]
    container = {
        "name": "prune",
        "image": waiter["image"],
        "command": ["python", "-c", _script()],
        "env": [
            {"name": "MOUNT", "value": mount["mountPath"]},
            {"name": "MODELFOLDER", "value": env["MODELFOLDER"]},
        ],
        "securityContext": waiter.get("securityContext", {}),
        "resources": waiter.get("resources", {}),
        "volumeMounts": [{"name": "models", "mountPath": mount["mountPath"]}],
    }
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": spec.get("securityContext", {}),
        "imagePullSecrets": spec.get("imagePullSecrets", []),
        "containers": [container],
        "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": claim["claimName"]}}],
    }


def _script() -> str:
    return (resources.files("modelsystem_release.cluster") / "removal.py").read_text(
        encoding="utf-8"
    )


def _time(text: str) -> datetime:
    """Read Helm's time, such as `2026-11-23 01:02:03.456 +0000 UTC` or RFC 3339."""
    found = _UPDATED.match(text)
    if not found:
        raise ServiceError(f"helm list: {text!r} is no time")
    return datetime.fromisoformat("".join((found[1], "T", found[2], found[3])))
