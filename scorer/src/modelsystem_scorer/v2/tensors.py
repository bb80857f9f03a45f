"""Tensors as bytes, as the Open Inference Protocol's binary extension has them."""

import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_LENGTH = struct.Struct("<I")


class MisfitError(Exception):
    """A tensor's content does not fit what is said of it."""


def strings(content: bytes) -> list[str]:
    """Read strings: UTF-8, each behind its length as four bytes, little end first.

    Raises:
        MisfitError: this is not what is there.

    """
    found, place = [], 0
    while place < len(content):
        end = place + _LENGTH.size
        if end <= len(content):
            end += _LENGTH.unpack_from(content, place)[0]
        if end > len(content) or place + _LENGTH.size > len(content):
            raise MisfitError("has binary data that ends within an element")
        try:
            found.append(content[place + _LENGTH.size : end].decode())
        except UnicodeDecodeError as error:
            raise MisfitError("has an element that is not UTF-8") from error
        place = end
    return found


def binary(datatype: str, values: Sequence[Any]) -> bytes:
    """Write elements of type BYTES (from strings), FP32 or BOOL."""
    return _WRITERS[datatype](values)


def _of_strings(values: Sequence[str]) -> bytes:
    encoded = [value.encode() for value in values]
    return b"".join(_LENGTH.pack(len(value)) + value for value in encoded)


_WRITERS: dict[str, Callable[[Sequence[Any]], bytes]] = {
    "BYTES": _of_strings,
    "FP32": lambda values: np.array(values, "<f4").tobytes(),
    "BOOL": lambda values: np.array(values, np.bool_).tobytes(),
}
