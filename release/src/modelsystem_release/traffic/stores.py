"""Where the weights are kept: the Helm release of the routing chart, or a values file in Git."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from modelsystem_release import cluster
from modelsystem_release.traffic.changes import Change
from modelsystem_release.values import Assignment, Values, load
from modelsystem_shared.errors import UsageError


class Store(Protocol):
    """Keeps the values of the routing chart."""

    @property
    def name(self) -> str:
        """The Helm release; empty if the values are elsewhere."""

    def read(self) -> Values:
        """Return the values; empty if there are none yet."""

    def write(self, values: Mapping[str, object], change: Change) -> None:
        """Replace the values by those that a change has made."""


@dataclass(frozen=True)
class FileStore:
    """A values file of the routing chart, in a clone that is deployed from."""

    path: Path
    name: str = ""

    def read(self) -> Values:
        """Return the file's values; empty if there is no file."""
        return load(self.path).plain() if self.path.exists() else {}

    def write(self, values: Mapping[str, object], change: Change) -> None:  # Git records who
        """Edit builds and annotations in the file; comments stay."""
        document = load(self.path)
        keys = [key for key in ("builds", "annotations") if key in values]
        document.assign(Assignment((key,), values[key]) for key in keys)
        self.path.write_text(document.text(), encoding="utf-8")


@dataclass(frozen=True)
class ReleaseStore:
    """The Helm release of the routing chart."""

    name: str
    namespace: str
    chart: Path

    def read(self) -> Values:
        """Return the release's values; empty if it is not installed yet."""
        if not cluster.releases(self.namespace, f"^{self.name}$"):
            return {}
        return cluster.values(self.name, self.namespace)

    def write(self, values: Mapping[str, object], change: Change) -> None:
        """Upgrade the release, or install it."""
        cluster.upgrade(self.name, self.chart, self.namespace, values, str(change))


@dataclass(frozen=True)
class ReadStore:
    """The values of a routing release as they were read once, to look at only."""

    name: str
    values: Values

    def read(self) -> Values:
        """Return the values that were read."""
        return self.values

    def write(self, values: Mapping[str, object], change: Change) -> None:
        """Refuse: nothing is changed here.

        Raises:
            UsageError: always.

        """
        raise UsageError(f"{self.name} was opened to look at only")
