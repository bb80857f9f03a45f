"""Tensors as bytes: the binary tensor data extension of the Open Inference Protocol."""

import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Elements = list[Any]  # in row-major order; str, float or bool, as the datatype says
_LENGTH = struct.Struct("<I")


class MisfitError(Exception):
    """A tensor's content does not fit its description."""


def strings(content: bytes) -> list[str]:
    """Read strings: each is UTF-8, behind its length as a little-endian uint32.

    Raises:
        MisfitError: the bytes are not such strings.

    """
    values, place = [], 0
    while place < len(content):
        end = place + _LENGTH.size
        if end <= len(content):
            end += _LENGTH.unpack_from(content, place)[0]
        if end > len(content) or place + _LENGTH.size > len(content):
            raise MisfitError("binary data ends within an element")
        try:
            values.append(content[place + _LENGTH.size : end].decode())
        except UnicodeDecodeError as error:
            raise MisfitError("an element is not UTF-8") from error
        place = end
    return values


def binary(datatype: str, values: Elements) -> bytes:
    """Write elements of type BYTES (from strings), FP32 or BOOL."""
    return _WRITERS[datatype](values)


def _of_strings(values: Sequence[str]) -> bytes:
    encoded = [value.encode() for value in values]
    return b"".join(_LENGTH.pack(len(value)) + value for value in encoded)


_WRITERS: dict[str, Callable[[Elements], bytes]] = {
    "BYTES": _of_strings,
    "FP32": lambda values: np.array(values, "<f4").tobytes(),
    "BOOL": lambda values: np.array(values, np.bool_).tobytes(),
}
