"""The W3C traceparent."""

import pytest

from modelsystem_shared.telemetry import trace

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize("value", [PARENT, PARENT[:-1] + "0", f"cc-{TRACE}-{SPAN}-01"])
def test_a_valid_parent_is_kept(value: str) -> None:
    """Also one of a later version."""
    assert trace.valid_parent(value) == trace.parse(value) == value
    assert trace.trace_id(value) == TRACE


def test_a_later_version_may_have_more_fields() -> None:
    """Only the known ones are kept, as the specification says."""
    later = PARENT.replace("00", "01", 1)
    assert trace.valid_parent(f"{later}-what-the-future-is-like") == later


@pytest.mark.parametrize(
    "value",
    [
        *("", "x", PARENT.upper(), PARENT[:-1], f"{PARENT}0", f"{PARENT}-01", f"{PARENT}\n"),
        *(f"ff-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01"),
        *(f"00-{TRACE}-{SPAN}-01,{PARENT}", PARENT.replace("a", "\u00e4")),
    ],
)
def test_a_malformed_parent_is_refused(value: str) -> None:
    """The examples of the specification, and what could break a line of the log."""
    assert trace.valid_parent(value) == ""
    with pytest.raises(ValueError, match="traceparent"):
        trace.parse(value)
