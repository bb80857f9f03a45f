"""The gate's latest verdict on a build, as an annotation of its Deployment keeps it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from modelsystem_release.cluster import KubernetesObject
from modelsystem_release.judging.check import Check

GATE = "modelsystem/gate"  # the annotation


@dataclass(frozen=True)
class GateRecord:
    """A verdict.

    champion: the build that it was compared with; null for a first release.
    at: ISO 8601 in UTC. reason: the rules that are broken, each with its figures; empty if none is.
    """

    passed: bool
    champion: str | None
    at: str
    reason: str

    @classmethod
    def new(cls, checks: Sequence[Check], champion: str | None) -> "GateRecord":
        """Return the record of a verdict that is made now."""
        broken = [f"{check.name}: {check.reason}" for check in checks if not check.passed]
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(not broken, champion, now, "; ".join(broken))

    @classmethod
    def of(cls, deployment: KubernetesObject) -> "GateRecord | None":
        """Return a Deployment's record; None if it has none, or one written by hand."""
        text = (deployment["metadata"].get("annotations") or {}).get(GATE)
        try:
            return cls(**json.loads(text)) if text else None
        except (ValueError, TypeError):
            return None

    def text(self) -> str:
        """Return the annotation's value."""
        return json.dumps(asdict(self), ensure_ascii=False)
