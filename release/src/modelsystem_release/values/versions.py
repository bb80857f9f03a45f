"""The two versions of YAML: this tool reads 1.2, and Helm reads 1.1.

In 1.1 `0123` is 83, `on` is true and `1:30` is 90. A text that both read alike has one meaning; any
other is refused.
"""

import warnings
from collections.abc import Iterator
from datetime import date

from ruamel.yaml import YAML
from ruamel.yaml.error import MantissaNoDotYAML1_1Warning

CURE = "without quotes Helm reads another value than this tool; write it in quotes"


def load(content: str | bytes, version: str) -> object:
    """Return what a text holds by a version of YAML, `1.1` or `1.2`; None for an empty text.

    Raises:
        YAMLError: it is not YAML.

    """
    reader = YAML(typ="safe", pure=True)
    reader.version = version
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MantissaNoDotYAML1_1Warning)  # Helm reads 1e5 as a number
        loaded: object = reader.load(content)
    return loaded


def differing(first: object, second: object, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the keys of the values that the versions read differently; a date is text for Helm."""
    if isinstance(first, dict) and isinstance(second, dict):
        for (key, value), (other_key, other) in zip(first.items(), second.items(), strict=True):
            here = (*at, str(key))
            yield from [here] if _differ(key, other_key) else differing(value, other, here)
    elif isinstance(first, list) and isinstance(second, list):
        for place, (value, other) in enumerate(zip(first, second, strict=True)):
            yield from differing(value, other, (*at, str(place)))
    elif _differ(first, second):
        yield at


def _differ(first: object, second: object) -> bool:
    return repr(first) != repr(second) or isinstance(first, date)
