"""Which installed builds stay, and why."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from modelsystem_release import naming
from modelsystem_release.cluster import ListedRelease, Reference
from modelsystem_release.traffic.routing import Routing
from modelsystem_shared.errors import ServiceError

_UPDATED = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)? ?(Z|[+-]\d\d:?\d\d)")
_CHART = re.compile(r"modelsystem-\d")  # name and version


@dataclass(frozen=True)
class Build:
    """An installed build, and why it stays; without a reason it can be removed."""

    number: str
    release: str
    updated: datetime
    reason: str = ""


def builds(releases: Sequence[ListedRelease], tenant: str) -> list[Build]:
    """Return a tenant's builds among Helm's releases, the newest first."""
    return _newest_first(
        release
        for release in releases
        if release["name"] == naming.release(release["app_version"], tenant)
    )


def builds_of_all(releases: Sequence[ListedRelease]) -> list[Build]:
    """Return the builds of all tenants among Helm's releases, the newest first."""
    return _newest_first(release for release in releases if _CHART.match(release["chart"]))


def _newest_first(releases: Iterable[ListedRelease]) -> list[Build]:
    installed = [
        Build(release["app_version"], release["name"], _time(release["updated"]))
        for release in releases
    ]
    return sorted(installed, key=lambda build: build.updated, reverse=True)


def protected(routing: Routing) -> dict[str, str]:
    """Return the builds that the route needs, each with the reason."""
    reasons = {
        build: f"has {share} % of the traffic" if share else "is listed by the route"
        for build, share in routing.weights().items()
    } | routing.listed()
    current = routing.champion()
    for change in routing.changes():
        previous = max(change.before, key=change.before.__getitem__, default=None)
        if previous and previous != current:
            reasons.setdefault(previous, "is the champion before the current one")
            break
    return reasons


def reasons_to_stay(
    routings: Iterable[Routing], references: Iterable[Reference], installed: Sequence[Build]
) -> dict[str, str]:
    """Return why a tenant's builds stay, by number.

    routings: all routing releases of the tenant. references: what sends requests to builds.
    """
    reasons: dict[str, str] = {}
    for routing in routings:
        reasons = protected(routing) | reasons
    for reference in references:
        for build in installed:
            if build.release == reference.release:
                reasons.setdefault(build.number, f"gets requests from {reference.source}")
    return reasons


def with_reasons(
    installed: Sequence[Build], reasons: Mapping[str, str], keep: int, days: float
) -> list[Build]:
    """Return the builds, the newest first, each with the reason why it stays, if it does.

    reasons: of those that the route needs. Others stay if they are younger than `days`, or among
    the newest `keep`.
    """
    youngest = datetime.now(UTC) - timedelta(days=days)
    judged = []
    for place, build in enumerate(installed):
        reason = reasons.get(build.number, "")
        if not reason and build.updated > youngest:
            reason = f"is younger than {days:g} days"
        if not reason and place < keep:
            reason = f"is among the newest {keep}"
        judged.append(replace(build, reason=reason))
    return judged


def _time(text: str) -> datetime:
    """Read Helm's time, such as `2026-11-23 01:02:03.456 +0000 UTC` or RFC 3339."""
    match = _UPDATED.match(text)
    if not match:
        raise ServiceError(f"helm list: {text!r} is not a time")
    return datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3]}")
