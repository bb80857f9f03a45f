"""Which builds stay."""

from modelsystem_release import traffic
from modelsystem_release.cluster import ListedRelease


def test_helms_times_are_read() -> None:
    """As versions 3 and 4 print them."""
    times = ("2026-11-23 01:02:03.456789 +0000 UTC", "2026-11-23T01:02:03Z",
             "2026-11-23 02:02:03.4 +0100 CET")  # fmt: skip
    releases = [
        ListedRelease(
            name="mlrelease-1", updated=time, status="deployed", chart="", app_version="1"
        )
        for time in times
    ]
    builds = traffic.builds(releases, "")
    assert {build.updated.timestamp() for build in builds} == {1795395723.0}
