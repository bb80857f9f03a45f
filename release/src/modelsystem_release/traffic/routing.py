"""The weights over builds, read from a store and moved there, with their latest changes.

Beside the weights the routing chart's values have the annotation `modelsystem/changes`: the latest
changes as JSON, the newest first. The chart puts it on the route itself.
"""

import json
import re
from dataclasses import asdict

from modelsystem_release.traffic.changes import Change, Weights
from modelsystem_release.traffic.stores import Store
from modelsystem_release.values import Values
from modelsystem_shared.errors import UsageError

CHANGES = "modelsystem/changes"
ROLLBACK = "roll back"  # how the action of a rollback begins
_STEP = re.compile(r"promote .*, step (\d+) of (\d+)")
_KEPT = 20


class Routing:
    """The weights in a store, and their latest changes."""

    def __init__(self, store: Store, base: Values | None = None) -> None:
        """Use the values of `base` as long as the store does not have them."""
        self._store = store
        self._base = dict(base or {})

    @property
    def release(self) -> str:
        """The Helm release that holds the weights; empty if a file does."""
        return self._store.name

    def values(self) -> Values:
        """Return the routing chart's values."""
        return self._base | self._store.read()

    @property
    def can_split(self) -> bool:
        """Whether more than one build can have traffic."""
        return bool(self.values().get("provider") != "service")

    def weights(self) -> Weights:
        """Return the share of each listed build, in their order."""
        builds = self.values().get("builds") or []
        return {str(build["number"]): int(build["weight"]) for build in builds}

    def changes(self) -> list[Change]:
        """Return the latest changes, the newest first.

        Raises:
            UsageError: the annotation was changed by hand and cannot be read.

        """
        annotation = (self.values().get("annotations") or {}).get(CHANGES) or "[]"
        try:
            return [Change(**fields) for fields in json.loads(annotation)]
        except (ValueError, TypeError) as error:
            raise UsageError(f"annotation {CHANGES} of the route cannot be read") from error

    def champion(self, but: str = "") -> str | None:
        """Return the build with most of the traffic; None if no other than `but` has any."""
        shares = {build: share for build, share in self.weights().items() if share and build != but}
        return max(shares, key=shares.__getitem__, default=None)

    def listed(self) -> dict[str, str]:
        """Return the builds that stay listed at weight 0, each with the reason."""
        values = self.values()
        reasons = {
            str(tester["build"]): "is kept for testers" for tester in values.get("testers") or []
        }
        if mirror := str((values.get("mirror") or {}).get("build") or ""):
            reasons[mirror] = "is mirrored to"
        return reasons

    def unfinished(self) -> Change | None:
        """Return the latest change if it is a step of a promotion that has further steps."""
        latest = next(iter(self.changes()), None)
        step = latest and _STEP.fullmatch(latest.action)
        return latest if step and step[1] != step[2] else None

    def last_change(self) -> Change:
        """Return the latest change that was not rolled back; of a promotion the first step.

        Raises:
            UsageError: there is none.

        """
        rolled_back: set[str] = set()
        latest: Change | None = None
        for change in self.changes():
            if change.action.startswith(ROLLBACK):
                rolled_back.add(change.id)
            elif change.id not in rolled_back and (latest is None or change.id == latest.id):
                latest = change
        if latest is None or not latest.before:
            raise UsageError("there is no change that could be rolled back")
        return latest

    def move(self, change: Change) -> None:
        """Set the weights to those after a change, and record it."""
        values = self.values()
        history = [asdict(recorded) for recorded in [change, *self.changes()][:_KEPT]]
        annotation = json.dumps(history, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        values["annotations"] = (values.get("annotations") or {}) | {CHANGES: annotation}
        values["builds"] = [
            {"number": build, "weight": share} for build, share in change.after.items()
        ]
        self._store.write(values, change)
