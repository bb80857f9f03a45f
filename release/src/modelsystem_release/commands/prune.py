"""`release prune`: removes builds that are not needed any more, with their models."""

import argparse
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from modelsystem_release import cluster, traffic
from modelsystem_release.cluster import ListedRelease, Target
from modelsystem_release.commands.arguments import Commands, Parser, add_place, command, routing
from modelsystem_release.commands.output import show, table
from modelsystem_release.traffic import Build, Routing
from modelsystem_shared.errors import ServiceError

log = logging.getLogger(__name__)
MORE = """Never removed: builds that any routing release of the namespace lists, or any HTTPRoute,
VirtualService, Ingress or Service sends requests to; the champion before the current one; builds
younger than --days; the newest --keep; builds of other tenants. Nothing is removed if the routes
cannot be read. The site's pods are ended first, then a Job in the cluster that mounts the claim
removes the model folder, then the Helm release goes; another run goes on after a failure."""


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
    """Remove the builds that have no reason to stay, and print all.

    Raises:
        ServiceError: a build could not be removed, but the others are; or the routes cannot be
            read, and nothing is removed.

    """
    target = Target(arguments.namespace, arguments.tenant)
    releases = cluster.releases(arguments.namespace)
    installed = traffic.builds(releases, arguments.tenant)
    routings = _routings(arguments, releases)
    reasons = traffic.reasons_to_stay(routings, cluster.references(target), installed)
    builds = traffic.with_reasons(installed, reasons, arguments.keep, arguments.days)
    unneeded = [build for build in builds if not build.reason]
    if arguments.dry_run:
        removal = Removal([build.number for build in unneeded])
    else:
        removal = _remove(target, unneeded)
    result = "would be removed" if arguments.dry_run else "removed"
    data = {
        "removed": removal.removed,
        "kept": {build.number: build.reason for build in builds if build.reason},
        "failed": removal.failed,
        "without_release": removal.without_release,
        "dry_run": arguments.dry_run,
    }
    rows = [
        (b.number, b.release, f"{b.updated:%Y-%m-%d %H:%M}",
         b.reason or removal.failed.get(b.number, result))
        for b in builds
    ]  # fmt: skip
    rows += [("", "", "", f"{folder} is of no release") for folder in removal.without_release]
    show(arguments, data, table(("BUILD", "RELEASE", "INSTALLED", ""), rows))
    if removal.failed:
        raise ServiceError(f"not removed: build {', '.join(removal.failed)}")


@dataclass(frozen=True)
class Removal:
    """What became of the builds that were to be removed.

    failed: why a build is still there, by its number. without_release: model folders, on the
    claims of the removed builds, whose build was uninstalled.
    """

    removed: Sequence[str]
    failed: Mapping[str, str] = field(default_factory=dict)
    without_release: Sequence[str] = ()


def _remove(target: Target, builds: Sequence[Build]) -> Removal:
    """Remove builds, one after the other; a failure does not stop the next."""
    removed: list[str] = []
    failed: dict[str, str] = {}
    folders: set[str] = set()
    for build in builds:
        log.info("removing build %s", build.number)
        try:
            folders = set(cluster.remove_build(target, build.release))
            removed.append(build.number)
        except ServiceError as error:
            log.warning("build %s: %s", build.number, error)
            failed[build.number] = str(error)
    known = cluster.model_folders(target) if folders else set()
    return Removal(removed, failed, sorted(folders - known))


def _routings(
    arguments: argparse.Namespace, releases: Sequence[ListedRelease]
) -> Iterator[Routing]:
    """Yield the weights that --routing or --routing-file names, and all of the namespace."""
    if arguments.routing or arguments.routing_file:
        yield routing(arguments)
    place = arguments.namespace, arguments.tenant, arguments.routing_chart
    yield from (Routing(store) for store in traffic.routing_stores(releases, *place))
