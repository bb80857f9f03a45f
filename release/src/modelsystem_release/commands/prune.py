"""`release prune`: removes builds that are not needed any more, with their models."""

import argparse
import logging
from collections.abc import Sequence

from modelsystem_release import cluster, traffic
from modelsystem_release.cluster import ListedRelease, Target
from modelsystem_release.commands.arguments import Commands, Parser, add_place, command, routing
from modelsystem_release.commands.output import show, table
from modelsystem_release.traffic import Build, Routing

log = logging.getLogger(__name__)
MORE = """Never removed: builds that any routing release of the namespace lists, or any HTTPRoute,
VirtualService, Ingress or Service sends requests to; the champion before the current one; builds
younger than --days; the newest --keep; builds of other tenants. Nothing is removed if the routes
cannot be read. The Helm release is removed first, then the model folder, by a Job in the cluster
that mounts the claim."""


def add(commands: "Commands[Parser]") -> None:
    """Add the command."""
    parser = command(commands, "prune", __doc__, MORE)
    parser.add_argument("--keep", type=int, default=10, metavar="N", help="the newest (default 10)")
    parser.add_argument(
        "--days", type=float, default=7, metavar="N", help="keep younger builds (default 7)"
    )
    parser.add_argument("--dry-run", action="store_true", help="print what would be removed")
    add_place(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Remove the builds that have no reason to stay, and print all."""
    target = Target(arguments.namespace, arguments.tenant)
    releases = cluster.releases(arguments.namespace)
    installed = traffic.builds(releases, arguments.tenant)
    reasons = _reasons(arguments, target, releases, installed)
    builds = traffic.with_reasons(installed, reasons, arguments.keep, arguments.days)
    unneeded = [build for build in builds if not build.reason]
    if not arguments.dry_run:
        for build in unneeded:
            log.info("removing build %s", build.number)
            cluster.remove_build(target, build.release)
    data = {
        "removed": [build.number for build in unneeded],
        "kept": {build.number: build.reason for build in builds if build.reason},
        "dry_run": arguments.dry_run,
    }
    removed = "would be removed" if arguments.dry_run else "removed"
    rows = [
        (build.number, build.release, f"{build.updated:%Y-%m-%d %H:%M}", build.reason or removed)
        for build in builds
    ]
    show(arguments, data, table(("BUILD", "RELEASE", "INSTALLED", ""), rows))


def _reasons(
    arguments: argparse.Namespace,
    target: Target,
    releases: Sequence[ListedRelease],
    installed: Sequence[Build],
) -> dict[str, str]:
    """Return why builds stay, by number: for every routing release, and for what the cluster has.

    Raises:
        ServiceError: the routes cannot be read.

    """
    place = arguments.namespace, arguments.tenant, arguments.routing_chart
    routings = [Routing(store) for store in traffic.routing_stores(releases, *place)]
    if arguments.routing or arguments.routing_file:
        routings.insert(0, routing(arguments))
    reasons: dict[str, str] = {}
    for current in routings:
        reasons = traffic.protected(current) | reasons
    for reference in cluster.references(target):
        for build in installed:
            if build.release == reference.release:
                reasons.setdefault(build.number, f"gets requests from {reference.source}")
    return reasons
