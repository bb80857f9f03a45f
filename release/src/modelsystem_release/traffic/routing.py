"""The weights over builds: where they are kept, and how a change is recorded with them.

They are the values of the routing chart, kept by its Helm release, or in a file for whoever
deploys from Git. Beside them, as annotation `modelsystem/changes`, are the latest changes, the
newest first: id (the same for all steps of a promotion), action, by, at, from, to, why. The
chart puts it on the route itself, where people find it.
"""

import argparse
import getpass
import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from modelsystem_release.cluster import programs, target
from modelsystem_release.cluster.site import is_url
from modelsystem_release.commands.arguments import Parser
from modelsystem_release.errors import UsageError
from modelsystem_release.values import yamlfile
from modelsystem_release.values.assignments import Assignment

Weights = dict[str, int]
CHANGES = "modelsystem/changes"
ROUTING = "modelsystem-routing"
_KEPT = 20
_REVISIONS = 50  # of the Helm release


@dataclass(frozen=True)
class Change:
    """One change of the weights; see the module's docstring."""

    id: str
    action: str
    by: str
    at: str
    before: Weights
    after: Weights
    why: str

    def __str__(self) -> str:
        told = f"{self.action} by {self.by}: {text(self.before)} -> {text(self.after)}"
        return told + (f": {self.why}" if self.why else "")


class Store(Protocol):
    """Where the weights are."""

    def read(self) -> dict[str, Any]:
        """Return the routing chart's values."""

    def write(self, values: Mapping[str, Any], change: Change) -> None:
        """Change them."""


@dataclass(frozen=True)
class File:
    """A values file of the routing chart, in a clone that somebody deploys from."""

    path: Path

    def read(self) -> dict[str, Any]:
        """Return its values."""
        if not self.path.exists():
            return {}
        return yamlfile.load(self.path).plain()

    def write(self, values: Mapping[str, Any], change: Change) -> None:  # Git tells who
        """Edit the file in place: comments stay."""
        edited = yamlfile.load(self.path)
        edited.assign(
            Assignment((key,), values[key]) for key in ("builds", "annotations") if key in values
        )
        self.path.write_text(edited.text(), encoding="utf-8")


@dataclass(frozen=True)
class Release:
    """The Helm release of the routing chart."""

    name: str
    namespace: str
    chart: Path

    def read(self) -> dict[str, Any]:
        """Return its values, none where it is not installed yet."""
        if not target.releases(self.namespace, f"^{self.name}$"):
            return {}
        return target.values(self.name, self.namespace)

    def write(self, values: Mapping[str, Any], change: Change) -> None:
        """Upgrade the release, or install it."""
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            json.dump(values, file)
            file.flush()
            command = ["upgrade", "--install", self.name, str(self.chart), "--values", file.name]
            command += ["--namespace", self.namespace, "--description", str(change)[:500]]
            programs.run("helm", [*command, "--history-max", str(_REVISIONS)])


class Routing:
    """The weights in a store, and their history."""

    def __init__(self, store: Store, base: Mapping[str, Any] | None = None) -> None:
        """Begin with `base` where the store is empty: the provider and its settings."""
        self._store = store
        self._base = dict(base or {})

    def values(self) -> dict[str, Any]:
        """Return the routing chart's values."""
        return self._base | self._store.read()

    def weights(self) -> Weights:
        """Return each listed build's share, in their order."""
        return {str(one["number"]): int(one["weight"]) for one in self.values().get("builds") or []}

    def changes(self) -> list[Change]:
        """Return the latest changes, the newest first."""
        noted = (self.values().get("annotations") or {}).get(CHANGES) or "[]"
        try:
            return [Change(**one) for one in json.loads(noted)]
        except (ValueError, TypeError) as error:
            raise UsageError(f"annotation {CHANGES} of the routes cannot be read") from error

    def champion(self, but: str = "") -> str | None:
        """Return the build with most of the traffic, or None where no other has any."""
        shares = {build: share for build, share in self.weights().items() if share and build != but}
        return max(shares, key=shares.__getitem__, default=None)

    def needed(self) -> dict[str, str]:
        """Return the builds that must stay listed whatever their weight, each with the reason."""
        values = self.values()
        found = {str(one["build"]): "is kept for testers" for one in values.get("testers") or []}
        if mirror := str((values.get("mirror") or {}).get("build") or ""):
            found[mirror] = "is mirrored to"
        return found

    def move(self, change: Change) -> None:
        """Set the weights to what a change says, and record it."""
        values = self.values()
        history = [change, *self.changes()][:_KEPT]
        noted = target.dumps([asdict(one) for one in history])
        values["annotations"] = (values.get("annotations") or {}) | {CHANGES: noted}
        values["builds"] = [
            {"number": build, "weight": share} for build, share in change.after.items()
        ]
        self._store.write(values, change)


def add_place(parser: Parser) -> None:
    """Add the arguments that say where the builds and their weights are."""
    parser.add_argument("--namespace", default="default", metavar="N")
    parser.add_argument("--tenant", default="", help="of the builds, where they have one")
    parser.add_argument("--routing", default=ROUTING, metavar="RELEASE", help=f"default {ROUTING}")
    chart = Path("helm") / ROUTING
    parser.add_argument("--routing-chart", type=Path, default=chart, metavar="CHART")
    parser.add_argument(
        "--routing-file", type=Path, metavar="FILE", help="a values file instead of the release"
    )
    parser.add_argument(
        "--site",
        action="append",
        default=[],
        metavar="BUILD=URL",
        help="where a build's site is, instead of asking the cluster",
    )


def store(chosen: argparse.Namespace, base: Mapping[str, Any] | None = None) -> Routing:
    """Return the weights that the arguments mean; `base` is what a first installation has."""
    own = {**(base or {}), **({"tenant": chosen.tenant} if chosen.tenant else {})}
    if chosen.routing_file:
        return Routing(File(chosen.routing_file), own)
    return Routing(Release(chosen.routing, chosen.namespace, chosen.routing_chart), own)


def sites(chosen: argparse.Namespace) -> dict[str, str]:
    """Return the sites that are given by URL.

    Raises:
        UsageError: one is not BUILD=URL.

    """
    pairs = [pair.partition("=")[::2] for pair in chosen.site]
    if wrong := [build for build, url in pairs if not is_url(url)]:
        raise UsageError(f"--site {wrong[0]}: write BUILD=URL")
    return dict(pairs)


def new_id() -> str:
    """Return what names a change: its time, and something that no other change of it has."""
    return f"{now()}-{secrets.token_hex(3)}"


def now() -> str:
    """Return the time as a record has it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def whoever() -> str:
    """Return who or what moves the traffic: of a pipeline's run, whoever asked for it."""
    if person := os.environ.get("BUILD_REQUESTEDFOR"):
        return f"{person} (run {os.environ.get('BUILD_BUILDID', 'unknown')})"
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def text(weights: Weights) -> str:
    """Return weights as they are written on the command line."""
    return " ".join(f"{build}={share}" for build, share in weights.items()) or "nothing"


def write_json(path: Path, data: Any) -> None:
    """Write a file that programs read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
