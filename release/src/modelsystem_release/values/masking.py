"""Secrets among values: known by the names of their keys or by their content, and masked."""

import re
from collections.abc import Iterator, Mapping, Sequence

from modelsystem_release.values.assignments import Keys

MASK = "***"
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET = {"password", "passwd", "pwd", "secret", "token", "sas", "credential", "credentials"}
_KEYED = {"account", "storage", "access", "api", "private", "shared", "primary", "secondary"}
_REFERS = {"existing", "name", "ref", "automount"}  # names a Secret, or is a switch: no secret
_IN_VALUE = re.compile(r"(AccountKey|SharedAccessKey|SharedAccessSignature|[?&]sig)=|://[^/@\s]+@")


def is_secret(path: Keys, value: object) -> bool:
    """Return whether a value must not be shown, by its key, its parent's key, or its content."""
    if not isinstance(value, str) or not value:
        return False
    if _IN_VALUE.search(value):
        return True
    return not _REFERS & set(_words(path[-1])) and any(map(_names_secret, path[-2:]))


def secret_paths(values: object, path: Keys = ()) -> Iterator[Keys]:
    """Yield the paths of all secrets below `path`."""
    for key, value in _children(values):
        here = (*path, key)
        if is_secret(here, value):
            yield here
        yield from secret_paths(value, here)


def masked(values: Mapping[str, object]) -> dict[str, object]:
    """Return values as plain maps, lists and scalars, each secret replaced by MASK."""
    return {key: masked_value(value, (str(key),)) for key, value in values.items()}


def masked_value(value: object, path: Keys) -> object:
    """Return the value of a path, each secret in it replaced by MASK."""
    if isinstance(value, Mapping):
        return {key: masked_value(child, (*path, str(key))) for key, child in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [masked_value(element, path) for element in value]
    return MASK if is_secret(path, value) else value


def _names_secret(key: str) -> bool:
    words = _words(key)
    is_key = words[-1:] == ["key"] and bool(_KEYED & set(words))
    return is_key or "connectionstring" in "".join(words) or bool(_SECRET & set(words))


def _words(key: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(key)]


def _children(values: object) -> Iterator[tuple[str, object]]:
    if isinstance(values, Mapping):
        yield from ((str(key), value) for key, value in values.items())
    elif isinstance(values, Sequence) and not isinstance(values, str):
        yield from ((str(place), value) for place, value in enumerate(values))
