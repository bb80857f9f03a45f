"""A marker is whole or it is nothing."""

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_shared import marker
from modelsystem_shared.marker import Marker

MARKERS = st.builds(
    Marker,
    score=st.from_regex(r"-?[0-9]{1,9}(\.[0-9]{1,9})?", fullmatch=True),
    attempt=st.from_regex(r"attempt-[A-Za-z0-9-]{1,100}", fullmatch=True),
    build=st.text(
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\x7f"), min_size=1
    ),
    manifest_sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
)


@given(MARKERS)
def test_what_is_written_is_read(written: Marker) -> None:
    """Any marker survives its own bytes."""
    assert marker.parse(written.to_bytes()) == written


def test_the_first_line_is_the_score(make_marker: Callable[..., Marker]) -> None:
    """The seed system's contract holds: a reader of the first line has the score."""
    assert make_marker(score="0.25").to_bytes().splitlines()[0] == b"0.25"


def test_every_truncation_is_refused(make_marker: Callable[..., Marker]) -> None:
    """A file seen before all of its content is no marker yet."""
    content = make_marker().to_bytes()
    assert not any(marker.parse(content[:length]) for length in range(len(content)))


def test_every_change_of_one_byte_is_refused(make_marker: Callable[..., Marker]) -> None:
    """No byte may differ, in the digest or above it."""
    content = make_marker().to_bytes()
    for place, byte in enumerate(content):
        head, tail = content[:place], content[place + 1 :]
        accepted = [b for b in range(256) if marker.parse(head + bytes([b]) + tail)]
        assert accepted == [byte]


@given(st.binary(min_size=1), st.booleans())
def test_bytes_around_a_marker_are_refused(more: bytes, before: bool) -> None:
    """A marker with something before or after it is not the one that was written."""
    content = Marker("1", "attempt-a", "13", "0" * 64).to_bytes()
    assert marker.parse(more + content if before else content + more) is None


@pytest.mark.parametrize(
    "body",
    [
        "nan\nattempt: attempt-a\nbuild: 1\nmanifest-sha256: {0}\n",
        "1\nattempt: ../attempt-a\nbuild: 1\nmanifest-sha256: {0}\n",
        "1\nattempt: attempt-a/..\nbuild: 1\nmanifest-sha256: {0}\n",
        "1\nattempt: attempt-a\nbuild: \nmanifest-sha256: {0}\n",
        "1\nattempt: attempt-a\nbuild: 1\nmanifest-sha256: {0}\nmore: 1\n",
        "1\nattempt: attempt-a\nbuild: \udcff\nmanifest-sha256: {0}\n",
    ],
)
def test_a_right_digest_does_not_help_a_wrong_body(body: str) -> None:
    """Whatever is not of the form is no marker, and never names a folder elsewhere."""
    content = body.format("0" * 64).encode(errors="surrogateescape")
    closed = content + hashlib.sha256(content).hexdigest().encode() + b"\n"
    assert marker.parse(closed) is None
