"""From the text of an environment variable to a value; a ValueError says what is wrong with it."""

import math
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from modelsystem_shared.signing import TrustedKeys

Parser = Callable[[str], object]
_QUANTITY = re.compile(
    r"(\d+\.?\d*|\.\d+)(?:([numkMGTPE]|[KMGTPE]i)|[eE]([-+]?\d{1,2}))?", re.ASCII
)
_POWERS = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # and surrogates: bytes that are not UTF-8


class Secret:
    """A value that only `reveal` shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Hold `value`."""
        self._value = value

    def reveal(self) -> str:
        """Return the value, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"


def unquoted(value: str) -> str:
    """Strip blanks and one pair of matching quotes: a pipeline may send `"2018/05/08"`."""
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1].strip()
    return value


def text(value: str) -> str:
    """Accept one line of at most 1,000 characters."""
    if len(value) > 1000 or _CONTROL.search(value):
        raise ValueError("is not one line of at most 1,000 characters")
    return value


def folder(value: str) -> Path:
    """Accept a path, made absolute."""
    return Path(text(value)).absolute()


def trusted_keys(value: str) -> "TrustedKeys":
    """Accept a file or a folder with public keys, and read them."""
    from modelsystem_shared.signing import TrustedKeys  # noqa: PLC0415  # only if there are keys

    return TrustedKeys.read(folder(value))


def choice(*allowed: str) -> Parser:
    """Accept one of a few words, in any case."""

    def parse(value: str) -> str:
        if value.lower() not in allowed:
            raise ValueError(f"is not one of {', '.join(allowed)}")
        return value.lower()

    return parse


def integer(low: int, high: int) -> Parser:
    """Accept a whole number from `low` to `high`."""

    def parse(value: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", value) or not low <= int(value) <= high:
            raise ValueError(f"is not a whole number from {low} to {high}")
        return int(value)

    return parse


def number(low: float, high: float) -> Parser:
    """Accept a number from `low` to `high`."""

    def parse(value: str) -> float:
        try:
            parsed = float(value)
        except ValueError:
            parsed = float("nan")
        if not low <= parsed <= high:
            raise ValueError(f"is not a number from {low:g} to {high:g}")
        return parsed

    return parse


def quantity(value: str) -> int:
    """Accept a quantity as Kubernetes writes it, such as 512Mi, 1.5G or 1e9; rounded up."""
    match = _QUANTITY.fullmatch(value)
    if not match:
        raise ValueError("is not a quantity such as 512Mi or 1G")
    number_, suffix, exponent = match.groups()
    if suffix and suffix.endswith("i"):
        factor = Fraction(1024) ** ("KMGTPE".index(suffix[0]) + 1)
    else:
        factor = Fraction(10) ** (_POWERS[suffix] if suffix else int(exponent or 0))
    return math.ceil(Fraction(number_) * factor)


def url(value: str) -> str:
    """Accept an http or https URL without user, query or fragment; no slash at its end."""
    parts = urlsplit(text(value))
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("is not an http or https URL")
    if parts.query or parts.fragment:
        raise ValueError("has a query or fragment: put credentials elsewhere")
    return value.rstrip("/")
