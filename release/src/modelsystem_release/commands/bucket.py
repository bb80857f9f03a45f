"""`release bucket`: prints the bucket of a user, for a sticky two-sided A/B test by header.

bucket = the first 8 bytes of SHA-256 of "<salt>:<user>" in UTF-8, as a big-endian number,
modulo 100, written with two digits. An application sends it as header `X-Bucket`; the routing
chart with `sticky.enabled` gives the first build of its list the buckets 00 to its weight - 1,
and so on. Another salt makes another assignment, independent of the first.
"""

import argparse
import hashlib

from modelsystem_release.commands.arguments import Commands, Parser, command
from modelsystem_release.commands.output import show

BUCKETS = 100


def bucket(user: str, salt: str) -> str:
    """Return a user's bucket, 00 to 99."""
    digest = hashlib.sha256(f"{salt}:{user}".encode()).digest()
    return f"{int.from_bytes(digest[:8], 'big') % BUCKETS:02}"


def add(commands: "Commands[Parser]") -> None:
    """Add the command."""
    parser = command(commands, "bucket", __doc__)
    parser.add_argument("user", metavar="USER")
    parser.add_argument("--salt", required=True, metavar="S", help="name of the experiment")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print the bucket."""
    number = bucket(arguments.user, arguments.salt)
    show(arguments, {"user": arguments.user, "bucket": number}, number)
