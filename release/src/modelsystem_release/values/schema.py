"""Values checked against the chart's schema, with a hint for each unknown key.

Helm checks them again when it installs the chart; this check comes earlier, and its messages name
the cure.
"""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs

from modelsystem_release.values.assignments import Keys, dotted
from modelsystem_shared.errors import UsageError

NAME = "values.schema.json"
_Node = Any  # a node of a JSON schema: a map, a list or a scalar, by the keyword above it


class Schema:
    """A chart's `values.schema.json`."""

    def __init__(self, path: Path) -> None:
        """Read it.

        Raises:
            UsageError: it is not a JSON schema.

        """
        try:
            self._schema: _Node = json.loads(path.read_text(encoding="utf-8"))
            self._validator = jsonschema_rs.validator_for(self._schema)
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
        """Return what is allowed; the value is left out, since it may be a secret."""
        node = self._schema
        *way, rule = error.schema_path
        for key in way:
            node = self._resolved(node[key])
        description = f" ({node['description']})" if "description" in node else ""
        return f"must have {rule} {json.dumps(node[rule])}{description}"

    def _resolved(self, node: _Node) -> _Node:
        """Follow a reference within the schema."""
        if not (isinstance(node, str) and node.startswith("#/")):
            return node
        target = self._schema
        for key in node[2:].split("/"):
            target = target[key]
        return target

    def _unknown(self, path: Keys) -> str:
        known = self._known(path[:-1])
        near = difflib.get_close_matches(path[-1], known, 1)
        hint = f"; did you mean {dotted((*path[:-1], near[0]))}?" if near else ""
        return f"{dotted(path)}: the chart has no such value{hint} (--allow-new accepts it)"

    def _known(self, path: Keys) -> list[str]:
        node = self._schema
        for key in path:
            node = node.get("properties", {}).get(key, {})
        return list(node.get("properties", {}))


def schema_beside(file: Path) -> Schema | None:
    """Return the schema in the file's folder; None if there is none."""
    path = file.with_name(NAME)
    return Schema(path) if path.exists() else None
