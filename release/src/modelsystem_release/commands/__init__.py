"""The commands of `release`, a module for each.

A command parses its arguments, calls the room whose subject it is, and shows the result.
"""

from modelsystem_release.commands import (
    bucket,
    deploy,
    gate,
    package,
    provenance,
    prune,
    route,
    tag,
    values,
    verify,
)
from modelsystem_release.commands.inspection import doctor, status

__all__ = ["COMMANDS"]

COMMANDS = (
    *(values, package, tag, deploy, status, doctor),
    *(gate, route, bucket, provenance, verify, prune),
)
