"""Arguments that commands have in common, and what they mean."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from modelsystem_release import naming, traffic
from modelsystem_release.cluster import Target, is_url
from modelsystem_release.traffic import Routing
from modelsystem_shared.errors import UsageError
from modelsystem_shared.signing import KeyFile, Signer, TrustedKeys, open_vault

Commands = argparse._SubParsersAction  # argparse has no public name for it
Parser = argparse.ArgumentParser


def command(commands: "Commands[Parser]", name: str, about: str | None, more: str = "") -> Parser:
    """Add a command.

    about: a module's docstring, "`release name`: summary."; its first sentence is the short help.
    more: what the help has below the options.
    """
    text = (about or "").partition(": ")[2]
    parser: Parser = commands.add_parser(
        name,
        help=text.partition(".")[0].partition("\n")[0],
        description=text,
        epilog=more,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_output(parser)
    return parser


def add_output(parser: Parser) -> None:
    """Add the argument that says how to print the result."""
    parser.add_argument(
        "--output", choices=("table", "json"), default="table", help="for people, or for programs"
    )


def add_place(parser: Parser) -> None:
    """Add the arguments that say where builds and their weights are."""
    parser.add_argument("--namespace", default="default", metavar="N")
    parser.add_argument("--tenant", default="", help="of the builds, if they have one")
    parser.add_argument(
        "--routing",
        metavar="RELEASE",
        help="of the routing chart, if the namespace has several (default: the one of the tenant)",
    )
    chart = Path("helm") / naming.ROUTING
    parser.add_argument("--routing-chart", type=Path, default=chart, metavar="CHART")
    parser.add_argument(
        "--routing-file", type=Path, metavar="FILE", help="a values file instead of the release"
    )
    parser.add_argument(
        "--site",
        action="append",
        default=[],
        metavar="BUILD=URL",
        help="URL of a build's site, instead of asking the cluster",
    )


def signer(place: str) -> Signer:
    """Return the key in a file, or of a URL in Azure Key Vault.

    Raises:
        UsageError: there is no usable key.
        AccessDeniedError: the vault refuses us.
        ServiceError: the vault does not answer.

    """
    if is_url(place):
        return open_vault(place)
    try:
        return KeyFile(Path(place))
    except ValueError as error:
        raise UsageError(f"--key {place} {error}") from error


def trusted_keys(path: Path | None) -> TrustedKeys | None:
    """Return the public keys in a file or folder; None without a path.

    Raises:
        UsageError: there is no usable key.

    """
    try:
        return TrustedKeys.read(path) if path else None
    except ValueError as error:
        raise UsageError(f"--trusted-keys {path} {error}") from error


def target(arguments: argparse.Namespace) -> Target:
    """Return where builds are, by the arguments of `add_place`.

    Raises:
        UsageError: a --site is not BUILD=URL.

    """
    pairs = [pair.partition("=")[::2] for pair in arguments.site]
    if malformed := [build for build, url in pairs if not is_url(url)]:
        raise UsageError(f"--site {malformed[0]}: write BUILD=URL")
    return Target(arguments.namespace, arguments.tenant, dict(pairs))


def routing(arguments: argparse.Namespace, base: Mapping[str, object] | None = None) -> Routing:
    """Return the weights, by the arguments of `add_place`.

    base: the values of a first installation.
    """
    tenant = {"tenant": arguments.tenant} if arguments.tenant else {}
    values = {**(base or {}), **tenant}
    if arguments.routing_file:
        return Routing(traffic.FileStore(arguments.routing_file), values)
    place = arguments.namespace, arguments.routing_chart
    if arguments.routing:
        return Routing(traffic.ReleaseStore(arguments.routing, *place), values)
    return Routing(traffic.routing_store(place[0], arguments.tenant, place[1]), values)
