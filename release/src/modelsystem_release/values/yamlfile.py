"""A YAML file that is edited in place: comments, order and what is not touched stay."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString
from ruamel.yaml.util import load_yaml_guess_indent

from modelsystem_release.errors import UsageError
from modelsystem_release.values.assignments import Assignment, dotted
from modelsystem_shared import files

MOST_BYTES = 4 << 20
_WIDE = 1 << 30  # no line is folded


class Document:
    """A map of values, with the comments around them."""

    def __init__(self, text: str = "", name: str = "values") -> None:
        """Read `text`.

        Raises:
            UsageError: it is not YAML, or not a map; the line is named.

        """
        self._yaml = YAML()
        self._yaml.width = _WIDE
        self._yaml.preserve_quotes = True
        try:
            _, indent, offset = load_yaml_guess_indent(text)
            self._yaml.indent(mapping=2, sequence=indent or 2, offset=offset or 0)
            found = self._yaml.load(text)
        except YAMLError as error:
            raise UsageError(f"{name}: {_at(error)}is not YAML") from error
        if not isinstance(found, CommentedMap | None):
            raise UsageError(f"{name}: is not a map of values")
        self.values: CommentedMap = CommentedMap() if found is None else found

    def assign(self, assignments: Iterable[Assignment]) -> None:
        """Set values, and make what is missing on the way to them.

        Raises:
            UsageError: a path leads through something that is not a map.

        """
        for one in assignments:
            *way, last = one.path
            place = self.values
            for depth, key in enumerate(way):
                if place.get(key) is None:
                    place[key] = CommentedMap()
                place = place[key]
                if not isinstance(place, CommentedMap):
                    raise UsageError(f"{one.name}: {dotted(one.path[: depth + 1])} is not a map")
            place[last] = _quoted(one.value)

    def plain(self) -> dict[str, Any]:
        """Return the values without comments, as plain maps, lists and scalars."""
        found: dict[str, Any] = YAML(typ="safe", pure=True).load(self.text())
        return found

    def text(self) -> str:
        """Return the file's content."""
        stream = io.StringIO()
        self._yaml.dump(self.values, stream)
        return stream.getvalue()


def load(path: Path) -> Document:
    """Read a file, or begin a new one where there is none.

    Raises:
        UsageError: it is not a YAML map, or no UTF-8.

    """
    return Document(read_text(path) if path.exists() else "", str(path))


def read_text(path: Path) -> str:
    """Return a file's text.

    Raises:
        UsageError: it is missing, too large, or no UTF-8.

    """
    try:
        content = files.read_bounded(path, MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise UsageError(f"{path}: is larger than {MOST_BYTES >> 20} MiB")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start + 1} is not UTF-8") from error


def _quoted(value: Any) -> Any:
    """Write every string in quotes: YAML 1.1, which Helm reads, takes `on` and `1e5` for others."""
    if isinstance(value, str):
        return DoubleQuotedScalarString(value)
    if isinstance(value, list):
        return [_quoted(one) for one in value]
    if isinstance(value, dict):
        return CommentedMap({_quoted(key): _quoted(one) for key, one in value.items()})
    return value


def _at(error: YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1} " if mark else ""
