"""The commands of `release`, a module for each.

A command parses its arguments, calls the room whose subject it is, and shows the result.
"""

__all__ = [
    "bucket",
    "deploy",
    "gate",
    "package",
    "provenance",
    "prune",
    "route",
    "tag",
    "values",
    "verify",
]
