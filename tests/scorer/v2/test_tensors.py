"""Tensors as bytes."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_scorer.v2 import tensors


@given(st.lists(st.text()))
def test_strings_come_back(values: list[str]) -> None:
    """Any strings are read as they were written."""
    assert tensors.strings(tensors.binary("BYTES", values)) == values


@given(st.binary(max_size=40))
def test_any_bytes_are_strings_or_a_misfit(content: bytes) -> None:
    """Bytes that can be read are the bytes that would be written."""
    try:
        values = tensors.strings(content)
    except tensors.MisfitError:
        return
    assert tensors.binary("BYTES", values) == content


def test_numbers_are_little_endian() -> None:
    """As in the protocol."""
    assert tensors.binary("FP32", [1.5, -2]) == struct.pack("<ff", 1.5, -2)
    assert tensors.binary("BOOL", [True, False]) == b"\x01\x00"


@pytest.mark.parametrize(
    "content", [b"\x01", b"\x05\0\0\0abc", b"\xff\xff\xff\xff", b"\x01\0\0\0\xff"]
)
def test_malformed_strings_are_a_misfit(content: bytes) -> None:
    """Cut lengths, cut elements, and elements that are not UTF-8."""
    with pytest.raises(tensors.MisfitError):
        tensors.strings(content)
