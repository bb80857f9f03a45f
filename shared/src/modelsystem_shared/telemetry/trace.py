"""W3C Trace Context: the trace of a pipeline's run and of a request, by their `traceparent`.

See https://www.w3.org/TR/trace-context/, "traceparent header field values".
"""

import re

_LENGTH = 55  # of version 00, and of what all later versions begin with
_PARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII
)


def valid_parent(value: str) -> str:
    """Return a `traceparent`, as far as this version knows its fields; empty if it is malformed."""
    known, rest = value[:_LENGTH], value[_LENGTH:]
    has_more = rest.startswith("-") and not known.startswith("00")  # of a later version
    return known if _PARENT.fullmatch(known) and (not rest or has_more) else ""


def trace_id(parent: str) -> str:
    """Return the id of a valid `traceparent`'s trace, 32 hex digits."""
    return parent.split("-")[1]


def parse(value: str) -> str:
    """Accept a `traceparent` as a setting.

    Raises:
        ValueError: it is malformed.

    """
    if parent := valid_parent(value):
        return parent
    raise ValueError("is not a W3C traceparent, such as 00-<32 hex digits>-<16 hex digits>-01")
