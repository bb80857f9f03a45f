"""A YAML file that is edited in place: comments, order and untouched values stay as they are."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString
from ruamel.yaml.util import load_yaml_guess_indent

from modelsystem_release.values import versions
from modelsystem_release.values.assignments import Assignment, dotted
from modelsystem_shared import files
from modelsystem_shared.errors import UsageError

MOST_BYTES = 4 << 20
_WIDE = 1 << 30  # no line is folded
Values = dict[str, Any]  # of a chart: the chart's schema says what they are, not this program


class Document:
    """A map of values, with the comments around them."""

    def __init__(self, text: str = "", name: str = "values") -> None:
        """Read `text`.

        Raises:
            UsageError: it is not YAML, or not a map; the sentence names the line.

        """
        self._yaml = YAML()
        self._yaml.width = _WIDE
        self._yaml.preserve_quotes = True
        try:
            _, indent, offset = load_yaml_guess_indent(text)
            self._yaml.indent(mapping=2, sequence=indent or 2, offset=offset or 0)
            content = self._yaml.load(text)
        except YAMLError as error:
            raise UsageError(f"{name}: {_line(error)}not YAML") from error
        if not isinstance(content, CommentedMap | None):
            raise UsageError(f"{name}: not a map")
        self.values: CommentedMap = CommentedMap() if content is None else content

    def assign(self, assignments: Iterable[Assignment]) -> None:
        """Set values, and add the maps that are missing on the way to them.

        Raises:
            UsageError: a path leads through something that is not a map.

        """
        for assignment in assignments:
            path = assignment.path
            node = self.values
            for depth, key in enumerate(path[:-1]):
                if node.get(key) is None:
                    node[key] = CommentedMap()
                node = node[key]
                if not isinstance(node, CommentedMap):
                    raise UsageError(f"{assignment.name}: {dotted(path[: depth + 1])} is not a map")
            node[path[-1]] = _quoted(assignment.value)

    def plain(self) -> Values:
        """Return the values without comments, as plain maps, lists and scalars."""
        return parse_yaml(self.text(), "values")

    def text(self) -> str:
        """Return the file's content."""
        stream = io.StringIO()
        self._yaml.dump(self.values, stream)
        return stream.getvalue()


def load(path: Path) -> Document:
    """Read a file; an empty document if there is none.

    Raises:
        UsageError: it is not a YAML map, or not UTF-8.

    """
    return Document(read_text(path) if path.exists() else "", str(path))


def parse_yaml(content: str | bytes, name: str) -> Values:
    """Return the map in a YAML text; empty for an empty text.

    Raises:
        UsageError: it is not YAML, or not a map, or Helm would read another value.

    """
    values, by_helm = (_loaded(content, name, version) for version in ("1.2", "1.1"))
    if keys := next(versions.differing(values, by_helm), None):
        raise UsageError(f"{name}: {dotted(keys)}: {versions.CURE}")
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UsageError(f"{name}: not a map")
    return values


def _loaded(content: str | bytes, name: str, version: str) -> object:
    try:
        return versions.load(content, version)
    except YAMLError as error:
        raise UsageError(f"{name}: {_line(error)}not YAML") from error


def read_text(path: Path) -> str:
    """Return a file's text.

    Raises:
        UsageError: it is missing, too large, or not UTF-8.

    """
    try:
        content = files.read_bounded(path, MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise UsageError(f"{path}: larger than {MOST_BYTES >> 20} MiB")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start + 1} is not UTF-8") from error


def _quoted(value: object) -> object:
    """Quote every string: in YAML 1.1, which Helm reads, `on` is true and `1e5` is a number."""
    if isinstance(value, str):
        return DoubleQuotedScalarString(value)
    if isinstance(value, list):
        return [_quoted(element) for element in value]
    if isinstance(value, dict):
        return CommentedMap({_quoted(key): _quoted(child) for key, child in value.items()})
    return value


def _line(error: YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1} is " if mark else ""
