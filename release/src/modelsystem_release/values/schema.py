"""Values checked against the chart's schema, with a hint for each unknown key.

Helm checks them again when it installs the chart; this check comes earlier, and its messages name
the cure.
"""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import jsonschema_rs

from modelsystem_release.values.assignments import Keys, dotted
from modelsystem_shared.errors import UsageError

NAME = "values.schema.json"


class Schema:
    """A chart's `values.schema.json`."""

    def __init__(self, path: Path) -> None:
        """Read it.

        Raises:
            UsageError: it is not a JSON schema.

        """
        try:
            self._root: object = json.loads(path.read_text(encoding="utf-8"))
            self._validator = jsonschema_rs.validator_for(self._root)
        except (OSError, ValueError, jsonschema_rs.ValidationError) as error:
            raise UsageError(f"{path}: not a JSON schema: {error}") from error

    def check(
        self, values: Mapping[str, object], assigned: Iterable[Keys], allow_new: bool
    ) -> None:
        """Refuse unknown keys, and assigned values that the schema does not allow.

        Faults of values that were not assigned are left to Helm, which checks all of them.

        Raises:
            UsageError: with all faults, each with its key.

        """
        paths = list(assigned)
        faults = list(self._faults(values, allow_new, paths))
        if faults:
            raise UsageError("; ".join(faults))

    def _faults(
        self, values: Mapping[str, object], allow_new: bool, paths: list[Keys]
    ) -> Iterator[str]:
        for error in self._validator.iter_errors(values):
            here = tuple(map(str, error.instance_path))
            if unknown := getattr(error.kind, "unexpected", None):
                if not allow_new:
                    yield from (self._unknown((*here, key)) for key in unknown)
            elif any(here[: len(path)] == path for path in paths):
                yield f"{dotted(here)}: {self._rule(error)}"

    def _rule(self, error: jsonschema_rs.ValidationError) -> str:
        """Return what is allowed, with the nearest description; not the value, maybe a secret."""
        *way, rule = error.evaluation_path
        nodes = list(self._nodes(way))
        descriptions = [node["description"] for node in nodes[1:] if "description" in node]
        hint = f" ({descriptions[-1]})" if descriptions else ""
        return f"must have {rule} {json.dumps(nodes[-1][str(rule)])}{hint}"

    def _nodes(self, way: Sequence[str | int]) -> Iterator[Mapping[str, object]]:
        """Yield the root and the schemas along an evaluation path, which includes `$ref`s."""
        node = self._root
        yield _mapping(node)
        for key in way:
            node = self._target(node) if key == "$ref" else _child(node, key)
            yield _mapping(node)

    def _unknown(self, path: Keys) -> str:
        near = difflib.get_close_matches(path[-1], self._known(path[:-1]), 1)
        hint = f"; did you mean {dotted((*path[:-1], near[0]))}?" if near else ""
        return f"{dotted(path)}: the chart has no such value{hint} (--allow-new accepts it)"

    def _known(self, path: Keys) -> list[str]:
        """Return the keys that the schema knows below a path of values."""
        node = self._target(self._root)
        for key in path:
            properties = _child(node, "properties")
            node = self._target(_child(properties, key) or _child(node, "items"))
        return list(_mapping(_child(node, "properties")))

    def _target(self, node: object) -> object:
        """Return a schema, or the one in the same file that it refers to."""
        while isinstance(reference := _child(node, "$ref"), str):
            node = self._root
            for key in reference.removeprefix("#").strip("/").split("/"):
                node = _child(node, key)
        return node


def _child(node: object, key: str | int) -> object:
    """Return what a mapping or a list has at a key, or None."""
    if isinstance(node, list):
        return node[int(key)]
    return node.get(key) if isinstance(node, dict) else None


def _mapping(node: object) -> Mapping[str, object]:
    """Return a mapping as it is, and an empty one for anything else."""
    return node if isinstance(node, dict) else {}


def schema_beside(file: Path) -> Schema | None:
    """Return the schema in the file's folder; None if there is none."""
    path = file.with_name(NAME)
    return Schema(path) if path.exists() else None
