"""Stands in for kubectl and helm where there is no cluster: the only fake of these tests.

It answers from one JSON file in the folder FAKE_CLUSTER, in the forms that the real programs
print, records every call in calls.jsonl, and forwards "ports" and /metrics to real scorers.

    objects    Kubernetes objects, as `kubectl get --output json` has them
    frames     release → list of lists of objects: each look at it shows the next one
    releases   name → list of revisions: values, description, status, updated, app_version
    sites      build's Service, or pod → URL
    logs       pod → text
    fail       "helm upgrade" → what it says instead of doing it
"""

import json
import os
import re
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ["FAKE_CLUSTER"])
STATE = FOLDER / "state.json"


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
        print("v3.17.3+ge4da497")
    elif arguments[0] == "list":
        told = [
            {"name": name, "updated": r[-1]["updated"], "status": r[-1]["status"],
             "app_version": r[-1]["app_version"], "revision": str(len(r))}
            for name, r in releases.items() if re.search(option(arguments, "--filter"), name)
        ]  # fmt: skip
        print(json.dumps(told))
    elif arguments[:2] == ["get", "values"]:
        print(json.dumps(releases[arguments[2]][-1]["values"]))
    elif arguments[0] == "history":
        print(json.dumps(releases[arguments[1]]))
    elif arguments[0] == "upgrade":
        name = arguments[2]
        given = option(arguments, "--values")
        revision = {
            "values": json.loads(Path(given).read_text()) if given else None,
            "description": option(arguments, "--description"), "status": "deployed",
            "updated": time.strftime("%Y-%m-%d %H:%M:%S.0 +0000 UTC", time.gmtime()),
            "app_version": "0",
        }  # fmt: skip
        if not any(one.startswith("--dry-run") for one in arguments):
            releases.setdefault(name, []).append(revision)
            save(state)
    elif arguments[0] == "uninstall":
        del releases[arguments[1]]
        save(state)


def kubectl(arguments: list[str]) -> None:
    """Answer as kubectl."""
    state = load()
    if arguments[0] == "version":
        print("Client Version: v1.34.1")
    elif arguments[:2] == ["get", "--raw"]:
        pod = re.search(r"/pods/([^:]+):3000/proxy(/.*)", arguments[2])
        assert pod
        with urllib.request.urlopen(state["sites"][pod[1]] + pod[2]) as answer:
            print(answer.read().decode())
    elif arguments[0] == "get":
        print(json.dumps({"kind": "List", "items": objects(state, arguments)}))
    elif arguments[0] == "port-forward":
        target = next(one for one in arguments if one.startswith("service/"))
        url = state["sites"].get(target.partition("/")[2])
        if not url:
            refuse(f'services "{target.partition("/")[2]}" not found')
        print(f"Forwarding from 127.0.0.1:{url.rpartition(':')[2]} -> 3000", flush=True)
        time.sleep(600)
    elif arguments[0] == "logs":
        print(state["logs"].get(arguments[1], ""))


def objects(state: dict[str, Any], arguments: list[str]) -> list[dict[str, Any]]:
    """Return what a selector selects; of a release with frames, the next one."""
    found: list[dict[str, Any]] = state["objects"]
    wanted = dict(pair.split("=") for pair in option(arguments, "--selector").split(",") if pair)
    release = wanted.get("app.kubernetes.io/instance", "")
    if frames := state["frames"].get(release):
        found = found + frames[0]
        if len(frames) > 1:
            del frames[0]
            save(state)
    kinds = {kind.removesuffix("s") for kind in arguments[1].split(",")}
    return [
        one for one in found
        if one["kind"].lower() in kinds
        and wanted.items() <= one["metadata"].get("labels", {}).items()
    ]  # fmt: skip


def main() -> None:
    """Record the call, then answer it."""
    program, arguments = Path(sys.argv[1]).name, sys.argv[2:]
    stdin = sys.stdin.read() if "-" in arguments else ""
    with (FOLDER / "calls.jsonl").open("a") as file:
        file.write(json.dumps([program, *arguments, *([stdin] if stdin else [])]) + "\n")
    for command, reason in load()["fail"].items():
        if f"{program} {' '.join(arguments)}".startswith(command):
            refuse(reason)
    {"helm": helm, "kubectl": kubectl}[program](arguments)


if __name__ == "__main__":
    main()
