"""A change of the weights, as it is recorded."""

import getpass
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

Weights = dict[str, int]  # per cent of the traffic, by build, in the order of the route


@dataclass(frozen=True)
class Change:
    """One change of the weights.

    id: the same for all steps of a promotion, and for their rollback.
    by: the user, or the person who started the pipeline's run.
    at: ISO 8601 in UTC.
    """

    id: str
    action: str
    by: str
    at: str
    before: Weights
    after: Weights
    why: str

    def __str__(self) -> str:
        text = f"{self.action} by {self.by}: {as_text(self.before)} -> {as_text(self.after)}"
        return text + (f": {self.why}" if self.why else "")


def new_change(  # the fields of a record
    action: str, before: Weights, after: Weights, why: str, change_id: str | None = None
) -> Change:
    """Return a change that is made now, with an id of its own unless it belongs to another."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    identity = change_id or f"{now}-{secrets.token_hex(3)}"
    return Change(identity, action, requester(), now, before, after, why)


def requester() -> str:
    """Return the user who moves the traffic; in a pipeline, the one who started the run."""
    if person := os.environ.get("BUILD_REQUESTEDFOR"):
        return f"{person} (run {os.environ.get('BUILD_BUILDID', 'unknown')})"
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def as_text(weights: Weights) -> str:
    """Return weights as they are written on the command line."""
    return " ".join(f"{build}={share}" for build, share in weights.items()) or "nothing"
