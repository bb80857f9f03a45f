"""Stands in for kubectl and helm where there is no cluster: the only fake of these tests.

It answers from one JSON file in the folder FAKE_CLUSTER, in the forms that the real programs
print, records every call in calls.jsonl, and forwards "ports" and /metrics to real scorers.
A lock on the folder keeps each call apart from the others, and from the changes of a test.

    objects    Kubernetes objects, as `kubectl get --output json` has them
    frames     release → list of lists of objects: each snapshot of it shows the next one
    releases   name → list of revisions: values, description, status, updated, app_version
    sites      build's Service, or pod → URL
    logs       pod → text
    ended      name of a Job → the condition with which it ends; Complete without one
    fail       "helm upgrade" → the message with which it fails
"""

import fcntl
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ["FAKE_CLUSTER"])
STATE = FOLDER / "state.json"
LOCK = os.open(FOLDER, os.O_RDONLY)


def load() -> dict[str, Any]:
    """Return the cluster."""
    state: dict[str, Any] = json.loads(STATE.read_text())
    return state


def save(state: dict[str, Any]) -> None:
    """Keep the cluster."""
    fresh = STATE.with_suffix(".new")
    fresh.write_text(json.dumps(state))
    fresh.replace(STATE)


def option(arguments: list[str], name: str) -> str:
    """Return an option's value."""
    return arguments[arguments.index(name) + 1] if name in arguments else ""


def refuse(reason: str) -> None:
    """End as the real programs do."""
    print(f"Error: {reason}", file=sys.stderr)
    sys.exit(1)


def helm(arguments: list[str]) -> None:
    """Answer as Helm."""
    state = load()
    releases = state["releases"]
    if arguments[0] == "version":
        print("v4.1.4")
    elif arguments[0] == "list":
        listed = [
            {"name": name, "updated": r[-1]["updated"], "status": r[-1]["status"],
             "app_version": r[-1]["app_version"], "chart": r[-1]["chart"], "revision": str(len(r))}
            for name, r in releases.items() if re.search(option(arguments, "--filter"), name)
        ]  # fmt: skip
        print(json.dumps(listed))
    elif arguments[:2] == ["get", "values"]:
        print(json.dumps(releases[arguments[2]][-1]["values"]))
    elif arguments[0] == "history":
        print(json.dumps(releases[arguments[1]]))
    elif arguments[0] == "upgrade":
        upgrade(state, arguments)
    elif arguments[0] == "uninstall":
        del releases[arguments[1]]
        save(state)


def upgrade(state: dict[str, Any], arguments: list[str]) -> None:
    """Add a revision to a release, unless it is a dry run."""
    path = option(arguments, "--values")
    revision = {
        "values": json.loads(Path(path).read_text()) if path else None,
        "description": option(arguments, "--description"), "status": "deployed",
        "updated": time.strftime("%Y-%m-%d %H:%M:%S.0 +0000 UTC", time.gmtime()),
        "app_version": "0", "chart": f"{Path(arguments[3]).name}-0.0.0",
    }  # fmt: skip
    if not any(argument.startswith("--dry-run") for argument in arguments):
        state["releases"].setdefault(arguments[2], []).append(revision)
        save(state)


def kubectl(arguments: list[str], stdin: str) -> None:
    """Answer as kubectl."""
    state = load()
    if arguments[0] == "version":
        print("Client Version: v1.34.1")
    elif arguments[:2] == ["get", "--raw"]:
        pod = re.search(r"/pods/([^:]+):3000/proxy(/.*)", arguments[2])
        assert pod
        if pod[1] not in state["sites"]:
            refuse(f'pods "{pod[1]}" not found')
        fcntl.flock(LOCK, fcntl.LOCK_UN)
        import urllib.request  # it takes half of the time of any other call

        with urllib.request.urlopen(state["sites"][pod[1]] + pod[2]) as answer:
            print(answer.read().decode())
    elif arguments[:2] == ["get", "namespace"]:
        if arguments[2] == "absent":
            refuse('from server (NotFound): namespaces "absent" not found')
    elif arguments[:2] == ["get", "secret"]:
        print(*entries(state, "Secret", arguments[2]))
    elif arguments[:2] == ["get", "configmap"]:
        print(*entries(state, "ConfigMap", arguments[2]).values(), sep="\n")
    elif arguments[0] == "annotate":
        annotate(state, arguments)
    elif arguments[0] == "get":
        print(json.dumps({"kind": "List", "items": objects(state, arguments)}))
    elif arguments[0] == "port-forward":
        forward(state, next(a for a in arguments if a.startswith("service/")))
    elif arguments[0] in ("create", "delete", "scale"):
        edit(state, arguments, stdin)
    elif arguments[0] == "logs":
        print(state["logs"].get(arguments[1], ""))


def entries(state: dict[str, Any], kind: str, name: str) -> dict[str, str]:
    """Return the entries of a Secret or a ConfigMap."""
    for thing in state["objects"]:
        if (thing["kind"], thing["metadata"]["name"]) == (kind, name):
            data: dict[str, str] = thing["data"]
            return data
    refuse(f'from server (NotFound): {kind.lower()}s "{name}" not found')
    return {}


def annotate(state: dict[str, Any], arguments: list[str]) -> None:
    """Set an annotation of a Deployment."""
    key, _, value = arguments[2].partition("=")
    for thing in state["objects"]:
        if f"deployment/{thing['metadata']['name']}" == arguments[1]:
            thing["metadata"].setdefault("annotations", {})[key] = value
    save(state)


def edit(state: dict[str, Any], arguments: list[str], stdin: str) -> None:
    """Create a Job that ends at once, delete one, or end the pods of a Deployment."""
    name = arguments[1].partition("/")[2]
    if arguments[0] == "create":
        job = json.loads(stdin)
        name = job["metadata"]["name"]
        if any(thing["metadata"]["name"] == name for thing in state["objects"]):
            refuse(f'jobs.batch "{name}" already exists')
        ended = state["ended"].get(name, {"type": "Complete"})
        job["status"] = {"conditions": [{"status": "True"} | ended]}
        state["objects"].append(job)
    elif arguments[0] == "delete":
        state["objects"] = [t for t in state["objects"] if t["metadata"]["name"] != name]
    else:
        state["objects"] = [
            t for t in state["objects"]
            if t["kind"] != "Pod" or not t["metadata"]["name"].startswith(name)
        ]  # fmt: skip
    save(state)


def forward(state: dict[str, Any], target: str) -> None:
    """Say which port forwards to a Service, and wait."""
    service = target.partition("/")[2]
    url = state["sites"].get(service)
    if not url:
        refuse(f'services "{service}" not found')
    (FOLDER / f"forward-{os.getpid()}").touch()
    fcntl.flock(LOCK, fcntl.LOCK_UN)
    print(f"Forwarding from 127.0.0.1:{url.rpartition(':')[2]} -> 3000", flush=True)
    time.sleep(600)


def objects(state: dict[str, Any], arguments: list[str]) -> list[dict[str, Any]]:
    """Return the objects of a selector; of a release with frames, those of the next one."""
    candidates: list[dict[str, Any]] = state["objects"] + state.get("events", [])
    labels = dict(pair.split("=") for pair in option(arguments, "--selector").split(",") if pair)
    release = labels.get("app.kubernetes.io/instance", "")
    if not release:
        shown = [thing for frames in state["frames"].values() if frames for thing in frames[0]]
        candidates += [thing for thing in shown if thing["kind"] != "Event"]
    if frames := state["frames"].get(release):
        candidates = candidates + frames[0]
        state["events"] = [thing for thing in frames[0] if thing["kind"] == "Event"]
        del frames[: len(frames) > 1]
        save(state)
    kinds = arguments[1].split(",")
    plurals = {kind.partition(".")[0] for kind in kinds}
    served = {plural(thing) for thing in candidates} | {"ingresses"}
    for kind in kinds:
        if "." in kind and kind.partition(".")[0] not in served:
            refuse(f'the server doesn\'t have a resource type "{kind.partition(".")[0]}"')
    return [
        thing for thing in candidates
        if plural(thing) in plurals
        and labels.items() <= thing["metadata"].get("labels", {}).items()
    ]  # fmt: skip


def plural(thing: dict[str, Any]) -> str:
    """Return how kubectl calls the kind of an object."""
    kind: str = thing["kind"].lower()
    return kind + ("es" if kind.endswith("s") else "s")


def main() -> None:
    """Record the call, then answer it."""
    program, arguments = Path(sys.argv[1]).name, sys.argv[2:]
    stdin = sys.stdin.read() if "-" in arguments else ""
    fcntl.flock(LOCK, fcntl.LOCK_EX)  # until this process ends, or waits for another
    with (FOLDER / "calls.jsonl").open("a") as file:
        file.write(json.dumps([program, *arguments, *([stdin] if stdin else [])]) + "\n")
    for command, reason in load()["fail"].items():
        if f"{program} {' '.join(arguments)}".startswith(command):
            refuse(reason)
    if program == "helm":
        helm(arguments)
    else:
        kubectl(arguments, stdin)


if __name__ == "__main__":
    main()
