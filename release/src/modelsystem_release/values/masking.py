"""Which values are secrets, told by the names of their keys, and how they are shown."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modelsystem_release.values.assignments import Keys

MASK = "***"
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET = {"password", "passwd", "pwd", "secret", "token", "sas", "credential", "credentials"}
_KEYED = {"account", "storage", "access", "api", "private", "shared", "primary", "secondary"}
_REFERS = {"existing", "name", "ref", "automount"}  # names a Secret, or is a switch: no secret
_IN_VALUE = re.compile(r"(AccountKey|SharedAccessKey|SharedAccessSignature|[?&]sig)=|://[^/@\s]+@")


def is_secret(path: Keys, value: Any) -> bool:
    """Whether a value must not be shown, by the names that lead to it or by what it holds."""
    if not isinstance(value, str) or not value:
        return False
    if _IN_VALUE.search(value):
        return True
    return not _REFERS & set(_words(path[-1])) and any(map(_names_secret, path[-2:]))


def found(values: Any, path: Keys = ()) -> Iterator[Keys]:
    """Yield the paths of all secrets among `values`."""
    for key, value in _children(values):
        here = (*path, key)
        if is_secret(here, value):
            yield here
        yield from found(value, here)


def masked(values: Any, path: Keys = ()) -> Any:
    """Return plain maps, lists and scalars, secrets replaced by a mask."""
    if isinstance(values, Mapping):
        return {key: masked(value, (*path, str(key))) for key, value in values.items()}
    if isinstance(values, Sequence) and not isinstance(values, str):
        return [masked(value, path) for value in values]
    return MASK if is_secret(path, values) else values


def _names_secret(key: str) -> bool:
    words = _words(key)
    is_key = words[-1:] == ["key"] and bool(_KEYED & set(words))
    return is_key or "connectionstring" in "".join(words) or bool(_SECRET & set(words))


def _words(key: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(key)]


def _children(values: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(values, Mapping):
        yield from ((str(key), value) for key, value in values.items())
    elif isinstance(values, Sequence) and not isinstance(values, str):
        yield from ((str(place), value) for place, value in enumerate(values))
